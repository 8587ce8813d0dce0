import fs from 'node:fs'

/** The first of the arguments with which the watchdog starts the external builder's program again; the folder follows. */
export const ABANDONED = '--abandoned'

/** What tells a build's processes from all others. */
export interface Mark {
  /** the build's folder: in each process's environment as NIX_BUILD_TOP, unless it cleared that, and in its watchdog's arguments */
  folder: string
  /** the log pipe's device and inode, open in what still writes to it */
  pipe: {dev: number; ino: number} | null
}

/**
 * Ends what a build left running: a `setsid` child would write into outputs after they were registered. Looks again until
 * none is found, since a process may fork while it is looked for. Returns how many were ended.
 */
export function endProcesses(mark: Mark): number {
  let ended = 0
  for (let round = 0; round < 100; round++) {
    const found = marked(mark)
    for (const pid of found) {
      if (endProcess(pid)) ended++
    }

    if (found.length === 0) break
  }

  return ended
}

function endProcess(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch {
    // It ended by itself in between.
    return false
  }
}

function marked({folder, pipe}: Mark): number[] {
  const environment = Buffer.from(`NIX_BUILD_TOP=${folder}`)
  return fs.readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(Number)
    .filter(pid => pid !== process.pid && isAlive(pid))
    .filter(pid => hasEnvironment(pid, environment) || isIn(pid, folder) || isWatchdog(pid, folder) || (pipe !== null && hasOpen(pid, pipe)))
}

/** One of an earlier build in the same folder would end the next build there and remove its folder. */
function isWatchdog(pid: number, folder: string): boolean {
  return readProc(pid, 'cmdline').includes(`\0${ABANDONED}\0${folder}\0`)
}

/** A zombie keeps its number until its parent asks for its status, and nothing can end it again. */
function isAlive(pid: number): boolean {
  const state = /^\d+ \(.*\) (\S)/s.exec(readProc(pid, 'stat').toString('latin1'))?.[1]
  return state !== undefined && state !== 'Z' && state !== 'X'
}

function hasEnvironment(pid: number, variable: Buffer): boolean {
  const environment = readProc(pid, 'environ')
  const at = environment.indexOf(variable)
  const after = environment[at + variable.length]
  // A folder of its own below the build's is ours as well; another build's, of a longer name, is not.
  return at >= 0 && (at === 0 || environment[at - 1] === 0) && (after === undefined || after === 0 || after === 0x2f)
}

function isIn(pid: number, folder: string): boolean {
  try {
    const cwd = fs.readlinkSync(`/proc/${pid.toString()}/cwd`)
    return cwd === folder || cwd.startsWith(`${folder}/`)
  } catch {
    // Gone, or not ours to look at.
    return false
  }
}

function hasOpen(pid: number, {dev, ino}: {dev: number; ino: number}): boolean {
  try {
    return fs.readdirSync(`/proc/${pid.toString()}/fd`).some(fd => {
      const stats = fs.statSync(`/proc/${pid.toString()}/fd/${fd}`, {throwIfNoEntry: false})
      return stats?.dev === dev && stats.ino === ino
    })
  } catch {
    // Gone, or not ours to look at.
    return false
  }
}

function readProc(pid: number, name: string): Buffer {
  try {
    return fs.readFileSync(`/proc/${pid.toString()}/${name}`)
  } catch {
    // Gone, or not ours to look at.
    return Buffer.alloc(0)
  }
}
