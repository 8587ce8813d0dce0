/** Where Nix believes its store to be, everywhere. */
export const STORE_DIR = '/nix/store'
/** Where programs find the same paths on a dyno: as long as STORE_DIR, so that one can be written over the other. */
export const VIEW_DIR = '/app/.nixs'

/** Length of the hash part of a store path, in base-32 characters. */
export const HASH_LENGTH = 32

const HASH_PART = /^[0-9a-df-np-sv-z]{32}$/
const BASE_NAME = /^[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+\-._?=]+$/

/** `HASH-NAME` of `/nix/store/HASH-NAME`; throws for anything else, a path inside a store path too. */
export function baseNameOf(storePath: string): string {
  const name = storePath.slice(STORE_DIR.length + 1)
  if (!storePath.startsWith(`${STORE_DIR}/`) || !isBaseName(name)) throw new Error(`not a store path: ${JSON.stringify(storePath)}`)
  return name
}

/** Whether `name` is `HASH-NAME`, as an entry of a store is called (nix: src/libstore/path.cc). */
export function isBaseName(name: string): boolean {
  return BASE_NAME.test(name) && name.length <= HASH_LENGTH + 1 + 211
}

/** Whether it is 32 characters of Nix's base 32. */
export function isHashPart(text: string): boolean {
  return HASH_PART.test(text)
}

/** The 32 characters before the first dash of `HASH-NAME`. */
export function hashPartOf(baseName: string): string {
  return baseName.slice(0, HASH_LENGTH)
}
