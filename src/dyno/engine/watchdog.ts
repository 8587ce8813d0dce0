import {spawn} from 'node:child_process'
import {removeTree} from '../../lib/view/remove.ts'
import {ABANDONED, endProcesses, type Mark} from './processes.ts'

/** Our end of the pipe closes with us. A shell waits for that: it costs a millisecond, where a second Node would cost fifty. */
const SCRIPT = 'read -r _; kill -KILL -- "-$1"; shift; exec "$@"'

/**
 * Ends the build when this process dies before it has called `stop`. Nix gives us a SIGKILL on a timeout, and the kernel
 * does when Nix itself dies (PR_SET_PDEATHSIG, nix: src/libutil/unix/processes.cc), but the builder would run on.
 */
export function startWatchdog({folder, pipe}: Mark): {stop: () => void} {
  const again = [process.execPath, process.argv[1] ?? '', ABANDONED, folder, String(pipe?.dev), String(pipe?.ino)]
  const watchdog = spawn('/bin/sh', ['-c', SCRIPT, 'sh', String(process.pid), ...again], {
    // A session of its own: what is meant for our process group must not end it. Nothing of Nix's log stays open in it.
    detached: true, cwd: '/', env: {}, stdio: ['pipe', 'ignore', 'ignore'],
  })
  watchdog.on('error', () => undefined)
  return {stop: () => void watchdog.kill('SIGKILL')}
}

/** What the watchdog does when the external builder is gone: ends the build's processes and removes its folder. */
export function cleanUpAbandoned([folder, dev, ino]: readonly string[]): void {
  if (folder === undefined) return
  endProcesses({folder, pipe: {dev: Number(dev), ino: Number(ino)}})
  removeTree(folder)
}
