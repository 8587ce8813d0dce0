import {closeSync, readFileSync} from 'node:fs'

/** Config vars and what POST /dynos added. */
export type Variables = Readonly<Record<string, string>>

/** Reads what the loader wrote: `NAME=value` lines, in which `\\` is a backslash and `\n` a line break. */
export function parseVariables(text: string): Variables {
  const variables: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=')
    const value = line.slice(equals + 1)
    // An empty config var counts as one that is not set.
    if (equals > 0 && value !== '') {
      variables[line.slice(0, equals)] = value.replaceAll(/\\([\\n])/g, (_, sign: string) => sign === 'n' ? '\n' : '\\')
    }
  }

  return variables
}

/** Takes the variables off file descriptor 3. Afterwards nothing but this process's memory holds them. */
export function takeVariables(descriptor = 3): Variables {
  const text = readFileSync(descriptor, 'utf8')
  closeSync(descriptor)
  return parseVariables(text)
}
