import type {DatabaseSync, StatementSync} from 'node:sqlite'
import {STORE_DIR} from '../../lib/nix/store-path.ts'

/** A lookup in Nix's database; it is opened when first asked, since most builds find all their inputs in the view. */
export interface PlainData {
  /** Whether a valid path (`HASH-NAME`) refers to no store path and its bytes come from outside: a source, a download, a text. */
  isPlainData: (baseName: string) => boolean
  close: () => void
}

/**
 * Reads Nix's database (nix: src/libstore/schema.sql). A path without a deriver was added by the evaluator; one with `ca` was
 * fetched, or is content-addressed. Without references nothing in either is a store path, whatever it looks like.
 */
export function plainDataOf(database: string): PlainData {
  let db: DatabaseSync | null = null
  let query: StatementSync | null = null
  const prepared = () => {
    // Loading it costs 10 ms.
    const {DatabaseSync} = process.getBuiltinModule('node:sqlite')
    db = new DatabaseSync(database, {readOnly: true, timeout: 10_000})
    return db.prepare(`
      select (v.deriver is null or v.ca is not null) and not exists (select 1 from Refs r where r.referrer = v.id) as plain
      from ValidPaths v where v.path = ?`)
  }

  return {
    isPlainData: baseName => (query ??= prepared()).get(`${STORE_DIR}/${baseName}`)?.['plain'] === 1,
    close: () => db?.close(),
  }
}
