import {createHash, type Hash} from 'node:crypto'
import {pipeline, Transform, type Readable} from 'node:stream'
import type {Bucket} from '../../lib/bucket/bucket.ts'
import type {SucceededBuild} from '../../lib/build/record.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import {fetchSourcePart} from '../../lib/redeploy/fetch-parts.ts'
import {putSlug} from '../../lib/redeploy/put-slug.ts'
import {assembleSlug, type SlugPart} from '../../lib/slug/assemble.ts'
import type {RunTimeScripts} from '../../lib/slug/run-time-scripts.ts'

export interface SendOptions {
  record: SucceededBuild
  bucket: Pick<Bucket, 'stream'>
  scripts: RunTimeScripts
  /** an empty folder on disk, for the source part */
  folder: string
  /** signed, never printed */
  url: string
  onProgress: (sent: number, size: number) => void
  onWarning: (text: string) => void
}

/**
 * Makes a build's slug and uploads it. The layer goes from the bucket to Heroku without touching the disk; where it is not
 * what the record says, the upload is never completed.
 * @returns what Heroku's store took: sha256 (hex) and size (bytes)
 * @throws NixError SLUG_TOO_LARGE, SOURCE_GONE, LAYER_GONE, WRONG_DIGEST, BAD_SLUG_PART, SLUG_UPLOAD_REFUSED, SLUG_UPLOAD_BROKEN
 */
export async function sendSlug({record, bucket, scripts, folder, url, onProgress, onWarning}: SendOptions): Promise<{sha256: string; size: number}> {
  const {part, warnings} = await fetchSourcePart(bucket, record, {folder, scripts})
  warnings.forEach(onWarning)
  const {size, open} = await assembleSlug({sourcePart: part, layer: streamedLayer(bucket, record)})
  let hash = createHash('sha256')
  await putSlug(url, {
    size,
    open() {
      // One for each attempt; the one that was completed is the last.
      hash = createHash('sha256')
      return hashed(open(), hash)
    },
  }, sent => onProgress(sent, size))
  return {sha256: hash.digest('hex'), size}
}

function streamedLayer(bucket: Pick<Bucket, 'stream'>, {outcome: {layer}}: SucceededBuild): SlugPart {
  return {
    what: 'the layer', size: layer.size, sha256: layer.sha256,
    async open() {
      const object = await bucket.stream(layer.key)
      if (object !== null) return object.body
      throw new NixError(`${layer.key} is no longer in the bucket.`, {code: 'LAYER_GONE', exit: EXIT.slug, suggestions: ['heroku nix:build --force']})
    },
  }
}

function hashed(source: Readable, hash: Hash): Readable {
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  // Either end's failure ends the other; whoever reads `through` gets it.
  pipeline(source, through, () => undefined)
  return through
}
