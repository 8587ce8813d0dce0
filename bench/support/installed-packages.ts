import {execFileSync} from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import {CannotMeasure} from '../bench.ts'

const MOST_BYTES = 300e6
/** kB, as dpkg has it: no one package may be most of the closure. */
const LARGEST = 30_000

/** Makes a folder that holds `store/` with the files of so many of this machine's Debian packages, a store path each. Returns its names. */
export function copyInstalledPackages(root: string, count: number): string[] {
  const packages = dpkg(['--show', '--showformat=${Package} ${Installed-Size}\n']).map(line => line.split(' '))
    .filter(([, size]) => Number(size) <= LARGEST).map(([name = '']) => name)
  // Of a sorted list, the first ones would be all of one kind.
  const step = Math.max(1, Math.floor(packages.length / count))
  const names: string[] = []
  let bytes = 0
  for (const [index, name] of packages.entries()) {
    if (index % step !== 0 || names.length === count || bytes > MOST_BYTES) continue
    const storeName = `${String(index).padStart(32, '0')}-${name.replaceAll(/[^\w+.-]/g, '-')}`
    fs.mkdirSync(`${root}/store/${storeName}`, {recursive: true})
    for (const file of dpkg(['--listfiles', name])) bytes += copy(file, `${root}/store/${storeName}${file.replace(/^\/usr\//, '/')}`)
    names.push(storeName)
  }

  return names
}

function dpkg(args: readonly string[]): string[] {
  try {
    return execFileSync('dpkg-query', args, {encoding: 'utf8', maxBuffer: 1 << 28}).trim().split('\n')
  } catch (error) {
    throw new CannotMeasure(`This machine's Debian packages cannot be listed: ${String(error)}`)
  }
}

/** @returns the bytes copied; 0 of what is no file, or is diverted or gone */
function copy(from: string, to: string): number {
  const stats = from.startsWith('/') ? fs.lstatSync(from, {throwIfNoEntry: false}) : undefined
  if (stats === undefined || (!stats.isFile() && !stats.isSymbolicLink()) || fs.existsSync(to)) return 0
  // Such as /lib: files of other names lie behind it.
  if (stats.isSymbolicLink() && fs.statSync(from, {throwIfNoEntry: false})?.isDirectory()) return 0
  fs.mkdirSync(path.dirname(to), {recursive: true})
  if (stats.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(from), to)
  else fs.copyFileSync(from, to)
  return stats.isFile() ? stats.size : 0
}
