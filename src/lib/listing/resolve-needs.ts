import type {Placed} from '../elf/read-elf.ts'
import type {ByteString} from '../slug/byte-string.ts'
import type {ClosureTree, Found} from './closure-tree.ts'
import type {Content} from './describe-content.ts'
import {expand, searchLibrary} from './library-search.ts'
import type {Need, NeedKind} from './listed-file.ts'
import type {StoreNames} from './store-names.ts'

export interface Resolver {
  tree: ClosureTree
  names: StoreNames
  /** folders that the closure's loaders look into last */
  defaults: readonly ByteString[]
}

/** What a file's content leads to, in the closure as it is. */
export function resolveNeeds(path: ByteString, content: Content, resolver: Resolver): Need[] {
  const {elf} = content
  const needs: Need[] = []
  if (elf?.interpreter) needs.push(...atPath(path, 'interpreter', elf.interpreter, resolver))
  for (const needed of elf?.needed ?? []) needs.push(library(path, needed, content, resolver))
  for (const folder of [...elf?.runpath ?? [], ...elf?.rpath ?? []]) needs.push(...runpath(path, folder, resolver))
  for (const word of content.shebang) needs.push(...atPath(path, 'shebang', word, resolver))
  const told = new Set(needs.map(({offset}) => offset))
  for (const mention of content.mentions) {
    if (told.has(mention.offset)) continue
    const need = mentioned(path, mention, content, resolver)
    if (need !== null) needs.push(need)
  }

  return needs.sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0))
}

/** A symlink's needs: none where it leads out of the store, or led nowhere from the start. */
export function resolveSymlink(path: ByteString, target: ByteString, {tree, names}: Resolver): Need[] {
  const found = tree.findFrom(path, target)
  if (found !== null) return [{how: 'symlink', ...where(found)}]
  const name = names.ofPath(target)?.name
  return name === undefined ? [] : [{how: 'symlink', to: name}]
}

function where({path, through}: Found): Pick<Need, 'through' | 'to'> {
  return {to: path, ...(through.length > 0 && {through})}
}

/** An absolute path that something opens as it stands. */
function atPath(path: ByteString, how: NeedKind, {text, offset}: Placed, {tree, names}: Resolver): Need[] {
  const name = names.ofPath(text)?.name
  if (name === undefined) return []
  const found = tree.findFrom(path, text)
  return [{how, ...(found === null ? {to: name} : where(found)), offset}]
}

function library(path: ByteString, {text, offset}: Placed, {elf}: Content, {tree, defaults}: Resolver): Need {
  const [found, ...others] = searchLibrary(tree, path, elf ?? {rpath: [], runpath: []}, text, defaults)
  return {
    how: 'library', ...(found === undefined ? {to: null} : where(found)),
    ...(others.length > 0 && {or: others.map(other => other.path)}), name: text, offset,
  }
}

function runpath(path: ByteString, {text, offset}: Placed, {tree, names}: Resolver): Need[] {
  return expand(text).flatMap(folder => {
    const found = folder.startsWith('/') ? tree.findFrom(path, folder) : null
    const name = names.ofPath(folder)?.name
    if (found === null && name === undefined) return []
    return [{how: 'runpath', ...(found === null ? {to: name ?? null} : where(found)), offset}]
  })
}

function mentioned(path: ByteString, {name, rest, offset}: {name: ByteString; rest: ByteString; offset: number}, content: Content, {tree}: Resolver): Need | null {
  const found = rest === '' ? null : tree.find(name + rest) ?? tree.find(name + rest.replace(/[.\-=+@~/]+$/, ''))
  // That a path names itself, without saying what of itself, says nothing.
  if (found === null || found.path === name) return path.split('/', 1)[0] === name ? null : {how: 'text', to: name, offset}
  const isLibrary = /\.so(\.|$)/.test(found.path.slice(found.path.lastIndexOf('/')))
  const isConstant = content.elf?.constants.some(([first, end]) => offset >= first && offset < end) ?? false
  return {how: isLibrary && isConstant ? 'dlopen' : 'text', ...where(found), offset}
}
