import type {Elf} from '../elf/read-elf.ts'
import type {ByteString} from '../slug/byte-string.ts'
import {folderOf, type ClosureTree, type Found} from './closure-tree.ts'

/** As on the dynos we build for; the loader puts its own machine's name here. */
const TOKENS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/\$(?:LIB(?![A-Za-z0-9_])|\{LIB\})/, ['lib', 'lib64', 'lib/x86_64-linux-gnu']],
  [/\$(?:PLATFORM(?![A-Za-z0-9_])|\{PLATFORM\})/, ['x86_64']],
]
const ORIGIN = /^\$(?:ORIGIN(?![A-Za-z0-9_])|\{ORIGIN\})/

/**
 * Where glibc's loader finds a library (ld.so(8)), within the closure: in RUNPATH's folders, or else RPATH's, then in those of
 * the loader itself. What LD_LIBRARY_PATH, the loader's cache and the machine's own folders add is not known here.
 * @param file the program or library that asks
 * @param defaults folders that the closure's loaders look into last
 * @returns all places in the order in which they are tried
 */
export function searchLibrary(tree: ClosureTree, file: ByteString, elf: Pick<Elf, 'rpath' | 'runpath'>, name: ByteString, defaults: readonly ByteString[]): Found[] {
  if (name.includes('/')) return expand(name).map(path => tree.findFrom(file, path)).filter(found => found !== null)
  const named = (elf.runpath.length > 0 ? elf.runpath : elf.rpath).flatMap(({text}) => expand(text))
  const places = [
    ...named.map(folder => tree.findFrom(file, `${folder}/${name}`)),
    ...defaults.map(folder => tree.find(`${folder}/${name}`)),
  ].filter(found => found !== null)
  const seen = new Set<string>()
  return places.filter(({path}) => !seen.has(path) && seen.add(path))
}

/**
 * A folder of RUNPATH with its tokens filled in; `$ORIGIN` is the file's own folder.
 * @returns absolute ones, or such as are meant from that folder; none where it depends on where the program is started
 */
export function expand(folder: ByteString): string[] {
  if (!folder.startsWith('/') && !ORIGIN.test(folder)) return []
  return TOKENS.reduce<string[]>(
    (texts, [token, values]) => texts.flatMap(text => token.test(text) ? values.map(value => text.split(token).join(value)) : [text]),
    [folder.replace(ORIGIN, '.')],
  )
}

/** Folders in which a loader of the closure looks when it was told nothing: its own. */
export function defaultFolders(tree: ClosureTree, interpreters: Iterable<ByteString>): ByteString[] {
  const folders = new Set<ByteString>()
  for (const interpreter of interpreters) {
    folders.add(folderOf(interpreter))
    const real = tree.follow(interpreter)
    if (real !== null) folders.add(folderOf(real.path))
  }

  return [...folders]
}
