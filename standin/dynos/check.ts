import {execFile} from 'node:child_process'

import {StandinError} from '../errors.ts'
import type {Privilege} from './jail.ts'

/** Finds out, within a second, whether this machine lets us build the jail, and how. @throws StandinError that says what to allow */
export async function checkJail(uid: number = process.getuid?.() ?? -1): Promise<Privilege> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new StandinError(`Dynos run on x86-64 Linux alone, and this is ${process.platform} on ${process.arch}.`)
  }

  const privilege = uid === 0 ? 'root' : 'user'
  const attempt = await tryJail(privilege)
  if (attempt.kind !== 'ok') {
    throw new StandinError(...refusal(attempt, privilege))
  }

  return privilege
}

type Attempt = {kind: 'absent'} | {kind: 'ok'} | {kind: 'refused'; words: string}

function tryJail(privilege: Privilege): Promise<Attempt> {
  const words = [
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--die-with-parent'],
    ...(privilege === 'root'
      ? ['--cap-drop', 'ALL', '--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID']
      : ['--unshare-user', '--disable-userns', '--uid', '12345', '--gid', '12345']),
    'true',
  ]
  return new Promise(resolve => {
    execFile('bwrap', words, {timeout: 5000, killSignal: 'SIGKILL'}, (error, _, stderr) => {
      if (!error) {
        resolve({kind: 'ok'})
      } else if (error.code === 'ENOENT') {
        resolve({kind: 'absent'})
      } else {
        resolve({kind: 'refused', words: stderr.trim() || error.message})
      }
    })
  })
}

function refusal(attempt: Exclude<Attempt, {kind: 'ok'}>, privilege: Privilege): [string, string[]] {
  if (attempt.kind === 'absent') {
    return ['Dynos run in bubblewrap, and there is no bwrap on the PATH.', ['apt-get install bubblewrap   (0.8 or newer)']]
  }

  return [`This machine doesn't permit the jail that dynos run in: ${attempt.words}`, [
    ...(privilege === 'root' ? [] : ['run the stand-in as root (sudo): it then needs no user namespaces']),
    'Ubuntu 23.10 and newer: sudo sysctl --write kernel.apparmor_restrict_unprivileged_userns=0',
    '  or, for bwrap alone, /etc/apparmor.d/bwrap with',
    '  abi <abi/4.0>, include <tunables/global> profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }',
    '  and sudo apparmor_parser --replace /etc/apparmor.d/bwrap',
    'namespaces turned off: sudo sysctl --write user.max_user_namespaces=15000 kernel.unprivileged_userns_clone=1',
    'in Docker: docker run --privileged, or',
    '  --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined',
  ]]
}
