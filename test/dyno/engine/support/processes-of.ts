import fs from 'node:fs'

/** Processes whose /app is this jail's; `command` is argv with NULs between. */
export function processesOf(app: string): {pid: number; command: string}[] {
  const {dev, ino} = fs.statSync(app)
  return fs.readdirSync('/proc').filter(name => /^\d+$/.test(name)).flatMap(pid => {
    try {
      const root = fs.statSync(`/proc/${pid}/root/app`)
      const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1')
      return root.dev === dev && root.ino === ino && command !== '' ? [{pid: Number(pid), command}] : []
    } catch {
      // It ended in between.
      return []
    }
  })
}
