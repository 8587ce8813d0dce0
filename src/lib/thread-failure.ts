import {NixError, type ExitCode} from './errors.ts'

/** An error on its way between threads. */
export interface Failure {
  message: string
  code: string | undefined
  /** of a failure of the file system */
  syscall?: string | undefined
  /** of a NixError */
  told: {exit: ExitCode; suggestions: readonly string[]} | null
}

export function failureOf(error: unknown): Failure {
  if (error instanceof NixError) return {message: error.message, code: error.code, told: {exit: error.exitCode, suggestions: error.suggestions}}
  const {message, code, syscall} = error instanceof Error ? error as NodeJS.ErrnoException : {message: String(error), code: undefined, syscall: undefined}
  return {message, code, syscall, told: null}
}

export function revived({message, code, syscall, told}: Failure): Error {
  return told && code !== undefined ? new NixError(message, {code, ...told}) : Object.assign(new Error(message), {code, syscall})
}
