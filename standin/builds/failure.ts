/** A build that fails as builds do, and what its output says last; nobody's bug but the app's or the buildpack's. */
export class BuildFailure extends Error {
  /** text for the build's output, complete lines */
  readonly output: string

  constructor(...lines: readonly string[]) {
    super(lines.join(' '))
    this.name = 'BuildFailure'
    this.output = problem(...lines)
  }
}

/** Lines as Heroku prints what went wrong. */
export function problem(...lines: readonly string[]): string {
  return lines.map(line => ` !     ${line}`.trimEnd() + '\n').join('')
}

export function step(text: string): string {
  return `-----> ${text}\n`
}

export function detail(text: string): string {
  return text.replace(/\n$/, '').split('\n').map(line => `       ${line}`.trimEnd() + '\n').join('')
}
