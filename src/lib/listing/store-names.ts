import {HASH_LENGTH, STORE_DIR, VIEW_DIR} from '../nix/store-path.ts'
import type {ByteString} from '../slug/byte-string.ts'

/** A path below a store, as a text names it. */
export interface Mention {
  /** `HASH-NAME` of a path of the closure */
  name: ByteString
  /** what follows, from its slash on; possibly more than the path's end, where nothing in the text marks that */
  rest: ByteString
}

/** Finds out which path of a closure is meant by what stands behind `/nix/store/` or `/app/.nixs/`. */
export interface StoreNames {
  /** @param text from after that slash on @returns null: nothing of the closure */
  find: (text: string) => Mention | null
  /** The same of an absolute path, all of which counts. */
  ofPath: (path: string) => Mention | null
}

/** What can be in `HASH-NAME` (nix: src/libstore/path.cc), and what a path in a text most likely does not go on with. */
const NAME = /^[0-9A-Za-z+\-._?=]+/
const REST = /^\/[^\0-\x20"'`:;,<>|&$\\(){}[\]*?#%!\x7f]*/
/** How a sentence goes on after a path. */
const SENTENCE_END = /[.,]+$/

export function storeNames(names: readonly ByteString[]): StoreNames {
  const byHash = new Map(names.map(name => [name.slice(0, HASH_LENGTH), name]))
  const all = new Set<string>(names)

  const known = (token: string): ByteString | null => {
    const byItsHash = byHash.get(token.slice(0, HASH_LENGTH))
    if (byItsHash !== undefined && token.startsWith(byItsHash)) return byItsHash
    // In a folder that only looks like a store, names are of any kind.
    if (all.has(token)) return token as ByteString
    const trimmed = token.replace(SENTENCE_END, '')
    return all.has(trimmed) ? trimmed as ByteString : null
  }

  return {
    find(text) {
      const token = NAME.exec(text)?.[0]
      const name = token === undefined ? null : known(token)
      if (token === undefined || name === null) return null
      const rest = token === name ? REST.exec(text.slice(token.length))?.[0] ?? '' : ''
      return {name, rest: rest as ByteString}
    },
    ofPath(path) {
      const inside = [STORE_DIR, VIEW_DIR].find(directory => path.startsWith(`${directory}/`))
      if (inside === undefined) return null
      const [name = ''] = path.slice(inside.length + 1).split('/', 1)
      return all.has(name) ? {name: name as ByteString, rest: path.slice(inside.length + 1 + name.length) as ByteString} : null
    },
  }
}
