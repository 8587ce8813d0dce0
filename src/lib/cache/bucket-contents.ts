import type {ObjectInfo} from '../bucket/bucket.ts'

/** What an object in the bucket is for, in the order in which it is shown. */
export const CONTENTS = ['closure', 'own closure', 'layers', 'sources', 'builds', 'toolbox', 'other'] as const

export type ContentKind = (typeof CONTENTS)[number]

export interface Contents {
  kind: ContentKind
  objects: number
  /** as they are stored */
  bytes: number
}

export interface BucketContents {
  /** one for each kind, also where there is none */
  contents: Contents[]
  objects: number
  bytes: number
  /** store paths that any Nix can read */
  paths: number
  /** store paths that only our dynos use */
  ownPaths: number
}

/** Sums up a whole listing. */
export async function sumUp(objects: AsyncIterable<ObjectInfo>): Promise<BucketContents> {
  const contents = CONTENTS.map(kind => ({kind, objects: 0, bytes: 0}))
  const sum: BucketContents = {contents, objects: 0, bytes: 0, paths: 0, ownPaths: 0}
  for await (const {key, size} of objects) {
    const kind = kindOf(key)
    const part = contents[CONTENTS.indexOf(kind)]
    for (const total of part ? [part, sum] : [sum]) {
      total.objects += 1
      total.bytes += size
    }

    if (key.endsWith('.narinfo')) {
      if (kind === 'closure') sum.paths += 1
      else if (kind === 'own closure') sum.ownPaths += 1
    }
  }

  return sum
}

function kindOf(key: string): ContentKind {
  if (key === 'nix-cache-info' || /^[0-9a-z]{32}\.narinfo$/.test(key) || key.startsWith('nar/')) return 'closure'
  if (key.startsWith('heroku/cache/')) return 'own closure'
  if (key.startsWith('heroku/layers/')) return 'layers'
  if (key.startsWith('heroku/toolbox/')) return 'toolbox'
  if (!key.startsWith('heroku/apps/')) return 'other'
  return /^heroku\/apps\/[^/]+\/sources\//.test(key) ? 'sources' : 'builds'
}

/** What S3 Standard costs in us-east-1, in dollars for a gigabyte and month; other classes, regions and stores have other prices. */
export const DEFAULT_PRICE = 0.023
/** Storage is billed by this gigabyte. */
const BILLED_GB = 1024 ** 3

/** @param price for a gigabyte and month; the result is in the same currency */
export function monthlyCost(bytes: number, price: number): number {
  return bytes / BILLED_GB * price
}
