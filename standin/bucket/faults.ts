import type {Fault, FaultEffect} from './contract.ts'

interface ActiveFault {
  fault: Fault
  left: number
}

/** The faults still to be dealt out, in the order in which they were asked for. */
export class Faults {
  #active: ActiveFault[] = []
  #endStall: () => void = () => undefined
  #stallEnded: Promise<void> = Promise.resolve()

  constructor() {
    this.clear()
  }

  add(fault: Fault): void {
    this.#active.push({fault, left: fault.times ?? 1})
  }

  /** Uses up one of the first fault that matches; null: let the request pass. */
  take(method: string, url: string): FaultEffect | null {
    const match = this.#active.find(({fault, left}) =>
      left > 0 && (fault.method ?? method) === method && (fault.path === undefined || url.search(fault.path) !== -1))
    if (!match) {
      return null
    }

    match.left -= 1
    return match.fault.effect
  }

  /** Resolves at the next `clear`. */
  get stallEnded(): Promise<void> {
    return this.#stallEnded
  }

  clear(): void {
    this.#active = []
    this.#endStall()
    const {promise, resolve} = Promise.withResolvers<undefined>()
    this.#stallEnded = promise
    this.#endStall = () => resolve(undefined)
  }
}
