import {keys} from '../bucket/keys.ts'

/** `shared`: the root, which any Nix reads; `own`: `heroku/cache/`, which our dynos alone read. */
export type Shelf = 'own' | 'shared'

/** Whether a narinfo's URL is one that we give: it is not part of what is signed, and must not lead elsewhere in the bucket. */
export function isNarUrl(url: string): boolean {
  return /^nar\/[\w.+-]+$/.test(url)
}

/** Where a shelf's object lies. */
export function shelfKey(shelf: Shelf, key: string): string {
  return shelf === 'own' ? keys.ownCache(key) : key
}
