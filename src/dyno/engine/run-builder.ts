import {execFileSync, spawn} from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import type {BuilderCommand} from './builder-environment.ts'
import {endProcesses} from './processes.ts'
import {startWatchdog} from './watchdog.ts'

/** How a builder ended. */
export type BuilderEnd = {kind: 'ended'; status: number} | {kind: 'killed'; signal: NodeJS.Signals} | {kind: 'not-started'; error: Error}

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

  process.umask(0o022)
  const [argv0 = file, ...args] = argv
  const child = spawn(file, args, {argv0, env, cwd: folder, stdio: ['ignore', writing, writing]})
  fs.closeSync(writing)
  const end = await new Promise<BuilderEnd>(resolve => {
    child.once('error', error => {
      resolve({kind: 'not-started', error})
    })
    child.once('exit', (status, signal) => {
      resolve(signal === null ? {kind: 'ended', status: status ?? 1} : {kind: 'killed', signal})
    })
  })

  endProcesses(mark)
  const deadline = setTimeout(() => output.destroy(), LAST_OUTPUT)
  await drained
  clearTimeout(deadline)
  fs.rmSync(pipePath, {force: true})
  watchdog.stop()
  return end
}

/** Waits until Nix has taken it: a builder is as fast as its log is read, and memory does not grow. */
function writeLog(bytes: Buffer): void {
  try {
    for (let done = 0; done < bytes.length;) done += fs.writeSync(2, bytes, done)
  } catch {
    // Nix is gone, and so is this process in a moment.
  }
}
