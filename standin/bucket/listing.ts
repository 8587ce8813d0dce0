import {compareUtf8} from './sorted-keys.ts'
import type {SortedKeys} from './sorted-keys.ts'

export interface ListingQuery {
  prefix: string
  /** '' for none */
  delimiter: string
  /** Keys up to and with this one are left out; '' for none. */
  after: string
  maxKeys: number
}

export interface Listing {
  keys: string[]
  commonPrefixes: string[]
  /** Where to go on: what `after` must be then. null: this was all. */
  next: string | null
}

/** One page of a listing. A common prefix stands for all keys that begin with it and counts as one. */
export function listKeys(sorted: Pick<SortedKeys, 'from'>, {prefix, delimiter, after, maxKeys}: ListingQuery): Listing {
  const listing: Listing = {keys: [], commonPrefixes: [], next: null}
  let last = ''
  let groupDone = isGroup(after, prefix, delimiter) ? after : null
  for (const key of sorted.from(compareUtf8(after, prefix) > 0 ? after : prefix)) {
    if (!key.startsWith(prefix)) {
      break
    }

    if (key === after || (groupDone !== null && key.startsWith(groupDone))) {
      continue
    }

    if (listing.keys.length + listing.commonPrefixes.length === maxKeys) {
      return {...listing, next: maxKeys === 0 ? null : last}
    }

    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    if (end === -1) {
      listing.keys.push(key)
      last = key
    } else {
      last = key.slice(0, end + delimiter.length)
      groupDone = last
      listing.commonPrefixes.push(last)
    }
  }

  return listing
}

/** True for what a page that ended with a common prefix gives as its `next`. */
function isGroup(text: string, prefix: string, delimiter: string): boolean {
  const end = delimiter === '' || !text.startsWith(prefix) ? -1 : text.indexOf(delimiter, prefix.length)
  return end !== -1 && end + delimiter.length === text.length
}
