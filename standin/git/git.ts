import {execFile} from 'node:child_process'
import {promisify} from 'node:util'

const run = promisify(execFile)

/** What git gets of this process's environment: nothing of the user's or the machine's settings. */
export function gitEnvironment(): Record<string, string> {
  return {PATH: process.env['PATH'] ?? '', LC_ALL: 'C', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0'}
}

/** Runs git to its end. @returns what it printed @throws Error with its standard error */
export async function git(words: readonly string[], env: Readonly<Record<string, string>>, cwd?: string): Promise<string> {
  const {stdout} = await run('git', [...words], {env: {...gitEnvironment(), ...env}, ...(cwd !== undefined && {cwd})})
  return stdout
}
