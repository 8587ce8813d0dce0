import type {PublishedPath} from '../../lib/cache/publish-path.ts'
import {normalHash} from '../../lib/closure/content-hash.ts'

/** A valid path, as Nix's database has it (nix: src/libstore/schema.sql). */
export interface RegisteredPath extends PublishedPath {
  /** grows with each registration */
  id: number
  /** made by a builder on this dyno */
  builtHere: boolean
}

/** What Nix has registered as valid, read from its database: asking through a program would take a process for each look. */
export interface Registrations {
  /** 0 where there is none */
  lastId(): number
  /** Those registered later, in their order. */
  after(id: number): RegisteredPath[]
  of(path: string): RegisteredPath | null
  close(): void
}

const COLUMNS = 'id, path, hash, narSize, deriver, ultimate, sigs, ca'

/** @param database path of Nix's db.sqlite, which must be there */
export function registrations(database: string): Registrations {
  const {DatabaseSync} = process.getBuiltinModule('node:sqlite')
  const db = new DatabaseSync(database, {readOnly: true, timeout: 10_000})
  const last = db.prepare('select coalesce(max(id), 0) as id from ValidPaths')
  const later = db.prepare(`select ${COLUMNS} from ValidPaths where id > ? order by id`)
  const one = db.prepare(`select ${COLUMNS} from ValidPaths where path = ?`)
  const referenced = db.prepare('select v.path as path from Refs r join ValidPaths v on v.id = r.reference where r.referrer = ? order by v.path')

  function rowOf(row: Record<string, unknown>): RegisteredPath {
    const id = Number(row['id'])
    const path = String(row['path'])
    const narHash = normalHash(String(row['hash']))
    if (narHash === null) throw new Error(`Nix's database has no sha256 of ${path}: ${String(row['hash'])}`)
    const text = (name: string) => typeof row[name] === 'string' && row[name] !== '' ? row[name] : null
    return {
      id, path, narHash,
      narSize: Number(row['narSize']),
      deriver: text('deriver'),
      references: referenced.all(id).map(reference => String(reference['path'])),
      signatures: (text('sigs') ?? '').split(' ').filter(signature => signature !== ''),
      ca: text('ca'),
      builtHere: row['ultimate'] === 1,
    }
  }

  return {
    lastId: () => Number(last.get()?.['id'] ?? 0),
    after: id => later.all(id).map(rowOf),
    of(path) {
      const row = one.get(path)
      return row ? rowOf(row) : null
    },
    close: () => db.close(),
  }
}
