import {mkdir, readdir, readFile, rmdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'

export interface MemoryLimit extends AsyncDisposable {
  /** what the dyno finds under /sys/fs/cgroup */
  shown: {source: string; target: string}[]
  /** Puts a process, and what it starts from then on, under the limit. */
  place: (pid: number) => Promise<void>
}

/** The kernel's memory controller where this process may make groups in it; a file with the number where it may not. */
export class MemoryLimits {
  readonly enforced: boolean
  private readonly controller: Controller | null
  private next = 1

  private constructor(controller: Controller | null) {
    this.controller = controller
    this.enforced = controller !== null
  }

  static async detect(): Promise<MemoryLimits> {
    const candidates = controllers(await readFile('/proc/self/mountinfo', 'utf8'), await readFile('/proc/self/cgroup', 'utf8'))
    for (const candidate of candidates) {
      if (await works(candidate)) {
        await removeLeftovers(candidate.parent)
        return new MemoryLimits(candidate)
      }
    }

    return new MemoryLimits(null)
  }

  /**
   * @param folder where a file may be made that lives as long as the dyno
   * @param isHard false: it is shown, and somebody else sees to it
   */
  async make(bytes: number | null, folder: string, isHard: boolean): Promise<MemoryLimit> {
    if (bytes === null) {
      return {shown: [], place: () => Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve()}
    }

    if (!this.controller || !isHard) {
      const source = join(folder, 'memory.limit_in_bytes')
      await writeFile(source, `${bytes}\n`)
      return {
        shown: [{source, target: join(V1.target, V1.limit)}],
        place: () => Promise.resolve(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }
    }

    const {parent, version} = this.controller
    const group = join(parent, `${GROUP}${process.pid}-${this.next++}`)
    await mkdir(group)
    await writeFile(join(group, version.limit), String(bytes))
    return {
      shown: [{source: group, target: version.target}],
      place: pid => writeFile(join(group, 'cgroup.procs'), String(pid)),
      [Symbol.asyncDispose]: () => removeGroup(group),
    }
  }
}

const GROUP = 'heroku-standin-'

interface Version {
  limit: string
  /** where programs look for it: https://github.com/heroku/heroku-buildpack-nodejs, profile/WEB_CONCURRENCY.sh */
  target: string
}

interface Controller {
  parent: string
  version: Version
}

const V1: Version = {limit: 'memory.limit_in_bytes', target: '/sys/fs/cgroup/memory'}
const V2: Version = {limit: 'memory.max', target: '/sys/fs/cgroup'}

/** Where groups could be made: this process's own, and the top of what it sees of the hierarchy (a container's own group). */
export function controllers(mountinfo: string, cgroup: string): Controller[] {
  const own = new Map(cgroup.trim().split('\n').map(line => line.split(':')).map(([, names = '', ...path]) => [names, path.join(':')]))
  return mountinfo.split('\n').flatMap(line => {
    const [mount = '', filesystem = ''] = line.split(' - ')
    const top = mount.split(' ')[4] ?? ''
    const [type, , options = ''] = filesystem.split(' ')
    const found = type === 'cgroup2'
      ? {version: V2, path: own.get('')}
      : type === 'cgroup' && options.split(',').includes('memory')
        ? {version: V1, path: [...own].find(([names]) => names.split(',').includes('memory'))?.[1]}
        : null
    return found ? [...new Set([join(top, found.path ?? ''), top])].map(parent => ({parent, version: found.version})) : []
  })
}

/** Groups of stand-ins that were killed; the kernel removes none that still has a process. */
async function removeLeftovers(parent: string): Promise<void> {
  const groups = (await readdir(parent)).filter(name => name.startsWith(GROUP))
  const left = groups.filter(name => !isAlive(Number.parseInt(name.slice(GROUP.length), 10)))
  await Promise.all(left.map(name => rmdir(join(parent, name)).catch(() => undefined)))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function works({parent, version}: Controller): Promise<boolean> {
  const group = join(parent, `${GROUP}${process.pid}-probe`)
  try {
    await mkdir(group)
  } catch {
    return false
  }

  try {
    // The kernel makes the file only where the controller is on; a plain write of it must not create one.
    await writeFile(join(group, version.limit), String(2 ** 30), {flag: 'r+'})
    return true
  } catch {
    return false
  } finally {
    await rmdir(group)
  }
}

/** The kernel lets go of a group a moment after its last process. */
async function removeGroup(group: string): Promise<void> {
  for (let wait = 1; wait < 500; wait *= 2) {
    try {
      await rmdir(group)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') {
        return
      }
    }

    await delay(wait)
  }
}
