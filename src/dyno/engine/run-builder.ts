import {execFileSync, spawn} from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import {resolve as resolvePath} from 'node:path'
import {getSystemErrorMessage} from 'node:util'
import type {BuilderCommand} from './builder-environment.ts'
import {endProcesses} from './processes.ts'
import {startWatchdog} from './watchdog.ts'

/** How a builder ended. */
export type BuilderEnd = {kind: 'ended'; status: number} | {kind: 'killed'; signal: NodeJS.Signals} | {kind: 'not-started'; reason: string}

/** What a process that cannot be found still writes is not waited for. */
const LAST_OUTPUT = 2000

/**
 * Runs the builder in `folder` and passes its output on to our standard error, which is the build's log. Afterwards nothing
 * that it started runs any more.
 *
 * Its output goes through one named pipe: Node's own are sockets, which `> /dev/stderr` cannot open, and two pipes would
 * mix up what was written first. The pseudoterminal itself is not given away, because Nix waits for whoever holds it.
 */
export async function runBuilder({file, argv, env}: BuilderCommand, folder: string, pipePath: string): Promise<BuilderEnd> {
  execFileSync('mkfifo', ['-m', '600', pipePath])
  const reading = fs.openSync(pipePath, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  const writing = fs.openSync(pipePath, fs.constants.O_WRONLY)
  const {dev, ino} = fs.fstatSync(writing)
  const mark = {folder, pipe: {dev, ino}}
  const watchdog = startWatchdog(mark)
  const output = new net.Socket({fd: reading, readable: true, writable: false})
  output.on('data', (bytes: Buffer) => {
    writeLog(bytes)
  })
  const drained = new Promise<void>(resolve => {
    output.once('close', () => {
      resolve()
    })
  })

  const end = await executed({file, argv, env}, folder, writing)

  endProcesses(mark)
  const deadline = setTimeout(() => output.destroy(), LAST_OUTPUT)
  await drained
  clearTimeout(deadline)
  fs.rmSync(pipePath, {force: true})
  watchdog.stop()
  return end
}

/** How the builder itself ends. `output` is closed once it has it. */
function executed({file, argv: [argv0 = file, ...args], env}: BuilderCommand, folder: string, output: number): Promise<BuilderEnd> {
  return new Promise(resolve => {
    const failed = (error: Error) => {
      resolve({kind: 'not-started', reason: reasonOf(error)})
    }

    try {
      process.umask(0o022)
      // The leader of a session, as Nix has it: `kill 0` of a builder is meant for its own processes.
      const child = spawn(executable(file, folder), args, {argv0, env, cwd: folder, detached: true, stdio: ['ignore', output, output]})
      child.once('error', failed)
      child.once('exit', (status, signal) => {
        resolve(signal === null ? {kind: 'ended', status: status ?? 1} : {kind: 'killed', signal})
      })
    } catch (error) {
      failed(error as Error)
    } finally {
      fs.closeSync(output)
    }
  })
}

/** What execve(2) takes, as Nix calls it. Node's own way looks into PATH, and gives to a shell what is no program. */
function executable(file: string, folder: string): string {
  const path = resolvePath(folder, file)
  const start = startOf(path)
  if (start !== null && !start.startsWith('#!') && !start.startsWith('\u007fELF')) throw Object.assign(new Error('no program'), {code: 'ENOEXEC', errno: -os.constants.errno.ENOEXEC})
  return path
}

/** Null where it cannot be read, which does not keep it from being executed. */
function startOf(path: string): string | null {
  try {
    const bytes = Buffer.alloc(4)
    const file = fs.openSync(path, 'r')
    fs.readSync(file, bytes)
    fs.closeSync(file)
    return bytes.toString('latin1')
  } catch {
    return null
  }
}

function reasonOf({code, errno, message}: NodeJS.ErrnoException): string {
  const reason = errno === undefined ? message : getSystemErrorMessage(errno)
  return code === 'E2BIG' ? `${reason}. An attribute can have 128 KiB at the most, and all together 2 MiB; passAsFile = [ "ATTRIBUTE" ] gives a longer one in a file` : reason
}

/** Waits until Nix has taken it: a builder is as fast as its log is read, and memory does not grow. */
function writeLog(bytes: Buffer): void {
  try {
    for (let done = 0; done < bytes.length;) done += fs.writeSync(2, bytes, done)
  } catch {
    // Nix is gone, and so is this process in a moment.
  }
}
