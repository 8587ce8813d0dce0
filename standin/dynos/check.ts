import {execFile} from 'node:child_process'
import {access, readFile} from 'node:fs/promises'

import {StandinError} from '../errors.ts'
import {jailAdvice} from './advice.ts'
import {PRIVILEGE_ARGUMENTS, type Privilege} from './jail.ts'

/**
 * Finds out, within a second, whether this machine lets us build the jail, and how.
 *
 * @throws StandinError that says what to allow
 */
export async function checkJail(uid: number | undefined = process.getuid?.()): Promise<Privilege> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new StandinError(`Dynos run on x86-64 Linux alone, and this is ${process.platform} on ${process.arch}.`)
  }

  const privilege = uid === 0 ? 'root' : 'user'
  const problem = await tryJail(privilege)
  if (problem !== null) {
    throw new StandinError(problem.message, problem.absent
      ? ['apt-get install bubblewrap   (0.8 or newer)']
      : jailAdvice({privilege, ...await machineFacts()}))
  }

  return privilege
}

function tryJail(privilege: Privilege): Promise<{absent: boolean; message: string} | null> {
  const words = [
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', ...PRIVILEGE_ARGUMENTS[privilege](12_345)],
    ...['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--die-with-parent', '--', '/bin/true'],
  ]
  return new Promise(resolve => {
    execFile('bwrap', words, {timeout: 5000, killSignal: 'SIGKILL'}, (error, _, stderr) => {
      if (error?.code === 'ENOENT') {
        resolve({absent: true, message: 'Dynos run in bubblewrap, and there is no bwrap on the PATH.'})
      } else {
        resolve(error && {
          absent: false,
          message: `This machine doesn't permit the jail that dynos run in: ${stderr.trim() || error.message}`,
        })
      }
    })
  })
}

async function machineFacts(): Promise<{apparmorRestricts: boolean; namespacesOff: boolean; container: boolean}> {
  const [apparmor, maximum, clone, docker, podman] = await Promise.all([
    sysctl('kernel/apparmor_restrict_unprivileged_userns'), sysctl('user/max_user_namespaces'), sysctl('kernel/unprivileged_userns_clone'),
    exists('/.dockerenv'), exists('/run/.containerenv'),
  ])
  return {apparmorRestricts: apparmor === '1', namespacesOff: maximum === '0' || clone === '0', container: docker || podman}
}

async function sysctl(name: string): Promise<string | null> {
  return readFile(`/proc/sys/${name}`, 'latin1').then(text => text.trim(), () => null)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false)
}
