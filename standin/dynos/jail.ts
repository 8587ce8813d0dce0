import {dirname} from 'node:path'
import {fileURLToPath} from 'node:url'

import type {DynoImage} from './image.ts'

/**
 * How the jail is made. `root`: without a user namespace; init.pl turns into the dyno's user, a uid that nobody else has.
 * `user`: in a user namespace, where the caller's own uid appears as the dyno's.
 */
export type Privilege = 'root' | 'user'

export interface JailPlan {
  image: DynoImage
  privilege: Privilege
  /** the uid inside, and its gid */
  user: number
  hostname: string
  /** folders and files on the host that the dyno sees as its own */
  app: string
  tmp: string
  /** replaces files of the image's /etc by name */
  etc: Readonly<Record<string, string>>
  /** host path → path under /sys, read-only: how the dyno learns its memory limit */
  sys: readonly {source: string; target: string}[]
}

/** File descriptors of the started bwrap, beside standard input, output and error. */
export const ARGS_FD = 3
export const SECCOMP_FD = 4
export const INFO_FD = 5
export const BLOCK_FD = 6
/** Known to init.pl too. */
export const CONTROL_FD = 7

const INIT = fileURLToPath(new URL('init.pl', import.meta.url))

/** What bwrap needs for each way of making the jail. */
export const PRIVILEGE_ARGUMENTS: Readonly<Record<Privilege, (user: number) => string[]>> = {
  root: () => ['--cap-drop', 'ALL', '--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID'],
  user: user => ['--unshare-user', '--disable-userns', '--uid', String(user), '--gid', String(user)],
}

/** What bwrap runs; it wants this in argv. */
export const JAILED_COMMAND = ['/usr/bin/perl', '/run/dyno/init']

/**
 * What `bwrap --args FD` reads. The network is the host's, so that a dyno reaches the API and the bucket on loopback.
 * Nothing in it is secret, yet nothing of a dyno needs to stand in the host's process list.
 */
export function jailArguments({image, privilege, user, hostname, app, tmp, etc, sys}: JailPlan): Buffer {
  const words = [
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try', '--hostname', hostname, '--die-with-parent'],
    ...PRIVILEGE_ARGUMENTS[privilege](user),
    ...['--ro-bind', image.usr, '/usr', '--ro-bind', image.etc, '/etc'],
    ...['bin', 'lib', 'lib64', 'sbin'].flatMap(name => ['--symlink', `usr/${name}`, `/${name}`]),
    ...Object.entries(etc).flatMap(([name, source]) => ['--ro-bind', source, `/etc/${name}`]),
    ...['--dev', '/dev', '--proc', '/proc'],
    // bwrap makes what leads to a mount point readable to its owner alone.
    ...['/run', '/run/dyno', '/var', ...sys.flatMap(({target}) => ancestors(target))].flatMap(folder => ['--perms', '0755', '--dir', folder]),
    ...['--symlink', '/tmp', '/var/tmp', ...sys.flatMap(({source, target}) => ['--ro-bind', source, target])],
    ...['--ro-bind', INIT, '/run/dyno/init', '--bind', tmp, '/tmp', '--bind', app, '/app', '--remount-ro', '/'],
    ...['--seccomp', String(SECCOMP_FD), '--info-fd', String(INFO_FD), '--block-fd', String(BLOCK_FD)],
  ]
  return Buffer.from(words.map(word => `${word}\0`).join(''))
}

function ancestors(path: string): string[] {
  return path === '/' || dirname(path) === '/' ? [] : [...ancestors(dirname(path)), dirname(path)]
}
