import {randomInt, randomUUID} from 'node:crypto'
import {mkdir, readdir} from 'node:fs/promises'
import {release} from 'node:os'
import {join} from 'node:path'

import {Addresses} from './addresses.ts'
import {checkJail} from './check.ts'
import type {DynoHost} from './contract.ts'
import {JailedDyno} from './dyno.ts'
import {removeFolder} from './folder.ts'
import type {DynoImage} from './image.ts'
import {MemoryLimits} from './memory.ts'
import {inspectSlug, SLUG_LIMIT} from './slug.ts'

export interface DynoHostOptions {
  /** where dynos have their files while they live; this host's alone: what an ended one left there is removed */
  dir: string
  image: DynoImage
  /** bytes of a compressed slug; Heroku's own when left out */
  slugLimit?: number
}

export interface JailedDynoHost extends DynoHost {
  /** What this machine does not let us limit as Heroku would; empty when nothing. */
  readonly lacks: readonly string[]
}

/**
 * A host whose dynos are real processes in a jail that refuses what Heroku refuses.
 *
 * @throws StandinError where the machine permits no jail, saying what to allow
 */
export async function createDynoHost({dir, image, slugLimit = SLUG_LIMIT}: DynoHostOptions): Promise<JailedDynoHost> {
  const privilege = await checkJail()
  const memory = await MemoryLimits.detect()
  const limitsThreads = privilege === 'root' || countsProcessesPerNamespace(release())
  await mkdir(dir, {recursive: true})
  await Promise.all((await readdir(dir)).filter(name => name.startsWith(PREFIX)).map(name => removeFolder(join(dir, name))))

  const addresses = new Addresses()
  const users = new Set<number>()
  const dynos = new Set<JailedDyno>()
  let closed = false

  return {
    lacks: [
      ...(memory.enforced ? [] : ['Memory limits are shown to dynos, not enforced: the memory cgroup is not writable here.']),
      ...(limitsThreads ? [] : ['Thread limits are not enforced: kernels before 5.14 count all processes of a user as one.']),
    ],
    start(spec) {
      if (closed) {
        throw new Error('The dyno host is closed.')
      }

      const user = freeUser(users)
      const folder = join(dir, `${PREFIX}${randomUUID()}`)
      const dyno = new JailedDyno(spec, {image, privilege, folder, user, addresses, memory, limitsThreads})
      dynos.add(dyno)
      void dyno.removed.catch(() => undefined).then(() => {
        dynos.delete(dyno)
        users.delete(user)
      })
      return dyno
    },
    inspectSlug: file => inspectSlug(file, slugLimit),
    async close() {
      closed = true
      for (const dyno of dynos) {
        dyno.kill()
      }

      await Promise.all([...dynos].map(dyno => dyno.removed))
    },
  }
}

const PREFIX = 'dyno-'

/** Heroku's are u and five digits too. Below systemd's dynamic users, above what adduser gives out on a machine with few users. */
function freeUser(users: Set<number>): number {
  for (;;) {
    const user = randomInt(20_000, 60_000)
    if (!users.has(user)) {
      users.add(user)
      return user
    }
  }
}

/** Linux 5.14 made RLIMIT_NPROC count per user namespace. */
function countsProcessesPerNamespace(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number)
  return major > 5 || (major === 5 && minor >= 14)
}
