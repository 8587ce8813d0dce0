import {readdirSync, readlinkSync, statSync} from 'node:fs'
import {availableParallelism} from 'node:os'
import path from 'node:path'
import {EXIT, NixError} from '../errors.ts'
import type {ListedFile} from '../listing/listed-file.ts'
import {ListingMaker} from '../listing/make-listing.ts'
import {fromBytes, fromText} from '../slug/byte-string.ts'
import {walkView} from '../slug/walk-view.ts'

export interface Tree {
  /** absolute path of the folder that holds store paths */
  store: string
  names: string[]
  /** what a symlink `result` beside `store` leads to; null: there is none */
  result: string | null
}

/**
 * A local folder that holds `store/`.
 * @param folder an absolute path
 * @throws NixError NO_STORE
 */
export function openTree(folder: string, named: string): Tree {
  const store = path.join(folder, 'store')
  if (!statSync(store, {throwIfNoEntry: false})?.isDirectory()) {
    throw new NixError(`${named} holds no folder store; .slugexclude's paths begin with that.`, {
      code: 'NO_STORE', exit: EXIT.usage, suggestions: ['heroku nix:slugexclude:check --tree /nix'],
    })
  }

  return {store, result: resultIn(folder), names: readdirSync(store, {encoding: 'buffer'}).map(name => {
    const text = name.toString()
    if (fromText(text) === fromBytes(name)) return text
    throw new NixError(`${store} holds ${JSON.stringify(text)}, whose name is not UTF-8; no store path is called so.`, {code: 'BAD_STORE_PATH', exit: EXIT.usage})
  })}
}

function resultIn(folder: string): string | null {
  try {
    const name = path.basename(readlinkSync(path.join(folder, 'result')))
    return statSync(path.join(folder, 'store', name), {throwIfNoEntry: false}) ? name : null
  } catch {
    // It is no symlink, or not there.
    return null
  }
}

/** Reads every file, for what it needs and how it compresses. */
export async function listTree({store, names}: Omit<Tree, 'result'>): Promise<ListedFile[]> {
  const maker = new ListingMaker({store, names: names.map(name => fromText(name)), prefixes: ['view', 'store'], jobs: availableParallelism()})
  for (const entry of walkView(store, names)) await maker.add(entry)
  return maker.finish()
}

/** Names and kinds alone, which is all that rules ask for. */
export function nameTree({store, names}: Omit<Tree, 'result'>): ListedFile[] {
  return Array.from(walkView(store, names), entry => {
    const base = {path: entry.path, packed: 0, needs: []}
    switch (entry.kind) {
      case 'directory':
        return {...base, kind: entry.kind}
      case 'symlink':
        return {...base, kind: entry.kind, target: entry.target}
      case 'file':
        return {...base, kind: entry.kind, size: entry.size, executable: entry.executable, what: 'data'}
    }
  })
}
