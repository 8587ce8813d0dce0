import {execFile} from 'node:child_process'
import {mkdir, symlink} from 'node:fs/promises'
import {availableParallelism} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'

const run = promisify(execFile)

/**
 * Unpacks packages into a root whose /bin, /lib and /sbin are links into /usr. No maintainer script runs, and no file keeps a
 * setuid bit: nobody can use it in a dyno, and on this machine it would lie about as root's.
 */
export async function extractPackages(root: string, files: readonly string[]): Promise<void> {
  for (const name of ['bin', 'lib', 'lib64', 'sbin']) {
    await mkdir(join(root, 'usr', name), {recursive: true})
    await symlink(`usr/${name}`, join(root, name))
  }

  const queue = files.values()
  await Promise.all(Array.from({length: availableParallelism()}, async () => {
    for (const file of queue) {
      await run('bash', ['-c', EXTRACT, 'extract', file, root])
    }
  }))
}

// `dpkg-deb --extract` would put a folder in the place of the link /bin. Left out is what Ubuntu's container images leave out,
// and what no dyno sees.
const EXTRACT = `set -euo pipefail
umask 022
dpkg-deb --fsys-tarfile "$1" | tar --extract --directory="$2" --keep-directory-symlink --no-same-owner --no-same-permissions \\
  --mode=a-s --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/info --exclude=./var`
