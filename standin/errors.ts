/** A failure of the stand-in itself that whoever started it can act on: what happened and what to do. */
export class StandinError extends Error {
  readonly advice: readonly string[]

  constructor(message: string, advice: readonly string[] = [], options?: ErrorOptions) {
    super(message, options)
    this.name = 'StandinError'
    this.advice = advice
  }
}
