import {execFile, spawn, type ChildProcessByStdio} from 'node:child_process'
import type {Readable, Writable} from 'node:stream'
import {EXIT, NixError} from '../errors.ts'

/** Runs git in one repository. The only program that the client starts; arguments are never a shell's. */
export interface Git {
  /** Standard output as it is; a failure is a GitFailure. */
  run(args: readonly string[]): Promise<Buffer>
  /** A child whose input and output are streams, e.g. `cat-file --batch`; standard error is dropped. */
  start(args: readonly string[]): ChildProcessByStdio<Writable, Readable, null>
}

/** git ran and said no; what it said is in `stderr`. */
export class GitFailure extends Error {
  readonly stderr: string

  constructor(args: readonly string[], stderr: string, options: ErrorOptions) {
    super(`git ${args[0] ?? ''}: ${stderr.trim()}`, options)
    this.name = 'GitFailure'
    this.stderr = stderr
  }
}

/** A tree's paths are at most some hundred bytes each; a million of them fit. */
const MAX_OUTPUT = 512 * 1024 * 1024

/**
 * @param cwd where git looks for the repository
 * @param env the process's environment; `git replace` must not change what a tree holds, nor a language what git says
 */
export function gitIn(cwd: string, env: NodeJS.ProcessEnv): Git {
  const options = {cwd, env: {...env, GIT_NO_REPLACE_OBJECTS: '1', GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C'}, windowsHide: true}
  return {
    run: args => new Promise((resolve, reject) => {
      execFile('git', args, {...options, encoding: 'buffer', maxBuffer: MAX_OUTPUT}, (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(error.code === 'ENOENT' ? noGit(cwd, error) : new GitFailure(args, stderr.toString(), {cause: error}))
      })
    }),
    start: args => spawn('git', args, {...options, stdio: ['pipe', 'pipe', 'ignore']}),
  }
}

function noGit(cwd: string, cause: Error): NixError {
  return new NixError(`The program git could not be started in ${cwd}.`, {
    code: 'NO_GIT', exit: EXIT.project, suggestions: ['install git: https://git-scm.com/downloads'], cause,
  })
}
