import {STORE_DIR} from '../../lib/nix/store-path.ts'

/**
 * Whether Nix's database has each path (`HASH-NAME`) as an output of a derivation (nix: src/libstore/schema.sql). It has those
 * whose names are known before they are built, and none that is built under a scratch name.
 */
export function areFinal(database: string, baseNames: readonly string[]): boolean {
  const {DatabaseSync} = process.getBuiltinModule('node:sqlite')
  const db = new DatabaseSync(database, {readOnly: true, timeout: 10_000})
  try {
    const query = db.prepare('select 1 from DerivationOutputs where path = ?')
    return baseNames.every(name => query.get(`${STORE_DIR}/${name}`) !== undefined)
  } finally {
    db.close()
  }
}
