import {createCipheriv, createHash} from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import {DatabaseSync} from 'node:sqlite'
import {hashAll} from '../../../src/lib/closure/content-hash.ts'
import {narOf} from '../../../src/lib/closure/nar-writer.ts'

export interface SmallPath {
  /** the name without its hash */
  name: string
  /** bytes, of which nothing can be compressed away */
  size: number
  /** names */
  references?: readonly string[]
}

/** What Nix would have of some paths that it has built: a store, and a database that has none of them yet. */
export interface SmallStore {
  canonical: string
  database: string
  /** `/nix/store/HASH-NAME` */
  paths: string[]
  /** Has Nix register all of them. */
  register: () => void
}

/** @param folder empty, or not there */
export async function smallStore(folder: string, paths: readonly SmallPath[], database = `${folder}/db.sqlite`): Promise<SmallStore> {
  const canonical = `${folder}/store`
  fs.mkdirSync(canonical, {recursive: true})
  fs.mkdirSync(path.dirname(database), {recursive: true})
  const baseNames = new Map(paths.map(({name}) => [name, `${createHash('md5').update(name).digest('hex').replaceAll('e', 'z')}-${name}`]))
  const pathOf = (name: string) => `/nix/store/${baseNames.get(name) ?? ''}`
  const rows: [hash: string, size: number, path: string][] = []
  for (const [n, {name, size: fileSize}] of paths.entries()) {
    const place = `${canonical}/${baseNames.get(name) ?? ''}`
    fs.writeFileSync(place, '')
    for (let done = 0; done < fileSize; done += PIECE) fs.appendFileSync(place, incompressible(Math.min(PIECE, fileSize - done), `${n} ${done}`))
    fs.chmodSync(place, 0o444)
    const {hash, size} = await hashAll(narOf(place))
    rows.push([hash, size, pathOf(name)])
  }

  // (nix: src/libstore/schema.sql)
  const db = new DatabaseSync(database)
  db.exec('create table ValidPaths (id integer primary key autoincrement not null, path text unique not null, hash text not null, registrationTime integer not null,'
    + ' deriver text, narSize integer, ultimate integer, sigs text, ca text);'
    + ' create table Refs (referrer integer not null, reference integer not null, primary key (referrer, reference))')
  db.close()
  return {
    canonical, database, paths: [...baseNames.keys()].map(pathOf),
    register() {
      const open = new DatabaseSync(database)
      const add = open.prepare('insert into ValidPaths (hash, narSize, path, registrationTime, ultimate) values (?, ?, ?, 1, 1)')
      rows.forEach(row => add.run(...row))
      const refer = open.prepare('insert into Refs select a.id, b.id from ValidPaths a, ValidPaths b where a.path = ? and b.path = ?')
      for (const {name, references = []} of paths) references.forEach(other => refer.run(pathOf(name), pathOf(other)))
      open.close()
    },
  }
}

const PIECE = 16 * 1024 ** 2

/** The same each time, and for each seed another. */
export function incompressible(size: number, seed = ''): Buffer {
  return createCipheriv('aes-128-ctr', createHash('md5').update(seed).digest(), Buffer.alloc(16)).update(Buffer.alloc(size))
}
