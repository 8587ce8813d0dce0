import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import type {SucceededBuild} from '../build/record.ts'
import {EXIT, NixError} from '../errors.ts'
import type {ListedFile} from '../listing/listed-file.ts'
import {readListing} from '../listing/read-listing.ts'

export interface BuildContents {
  files: ListedFile[]
  /** bytes, compressed, of the source that comes into the slug too; null where it is gone */
  source: number | null
}

/**
 * What a build's run-time closure holds, by its listing.
 * @param record its signature was checked
 * @throws NixError LISTING_GONE, and those of readListing
 */
export async function readBuild(bucket: Pick<Bucket, 'head' | 'stream'>, {app, id, outcome: {listing}, source}: SucceededBuild): Promise<BuildContents> {
  // The record names a key; only the one that this build's listing has can be meant.
  const key = keys.listing(app, id)
  const [object, sourceObject] = await Promise.all([bucket.stream(key), bucket.head(keys.source(app, source.tree))])
  if (object === null) {
    throw new NixError(`${key} is no longer in the bucket.`, {code: 'LISTING_GONE', exit: EXIT.slug, suggestions: ['heroku nix:build --force, which compiles nothing again']})
  }

  return {files: await readListing(object.body, {sha256: listing.sha256, size: listing.size, where: key}), source: sourceObject?.size ?? null}
}
