/** What init.pl does once it runs inside the jail. */
export interface Instructions {
  user: number
  threads: number | null
  /** `plain`: the program takes the place of init.pl, with its standard input and output as they are */
  mode: {kind: 'pipes'} | {kind: 'plain'} | {kind: 'terminal'; columns: number; rows: number}
  argv: readonly string[]
  env: Readonly<Record<string, string>>
}

/** The message that init.pl reads: a 4-byte length, then fields separated by NUL. Throws for a NUL inside a field, and for a name with `=`. */
export function encodeInstructions({user, threads, mode, argv, env}: Instructions): Buffer {
  const size = mode.kind === 'terminal' ? mode : {columns: 0, rows: 0}
  const variables = Object.entries(env).map(([name, value]) => {
    if (name === '' || name.includes('=')) {
      throw new TypeError(`Not the name of an environment variable: ${JSON.stringify(name)}`)
    }

    return {name, text: `${name}=${value}`}
  })
  const fields = [
    user, user, threads ?? '', mode.kind, size.rows, size.columns, argv.length, ...argv, ...variables.map(({text}) => text),
  ].map(String)
  // Values are config vars, so a message names the variable alone.
  const broken = variables.find(({text}) => text.includes('\0'))?.name ?? argv.find(word => word.includes('\0'))
  if (broken !== undefined) {
    throw new TypeError(`A NUL character cannot be passed to a process: ${JSON.stringify(broken)}`)
  }

  const body = Buffer.from(fields.join('\0'))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return Buffer.concat([length, body])
}
