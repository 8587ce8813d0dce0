import {createHash} from 'node:crypto'
import {createReadStream, createWriteStream} from 'node:fs'
import path from 'node:path'
import {Transform} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {createGunzip} from 'node:zlib'
import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import type {SucceededBuild} from '../build/record.ts'
import {EXIT, NixError} from '../errors.ts'
import type {SlugPart} from '../slug/assemble.ts'
import type {RunTimeScripts} from '../slug/run-time-scripts.ts'
import {writeSourcePart} from '../slug/source-part.ts'
import {slugFacts} from './slug-marker.ts'

export interface SourceOfSlug {
  part: SlugPart
  /** null: the project has none */
  procfile: string | null
  warnings: string[]
}

/**
 * Makes the slug's first part of the source that was built, which must be what the signed record says.
 * @param folder where the part is kept until it is uploaded
 * @throws NixError SOURCE_GONE, WRONG_DIGEST, BAD_SOURCE
 */
export async function fetchSourcePart(
  bucket: Pick<Bucket, 'stream'>, record: SucceededBuild, {folder, scripts}: {folder: string; scripts: RunTimeScripts},
): Promise<SourceOfSlug> {
  const key = keys.source(record.app, record.source.tree)
  const object = await bucket.stream(key)
  if (object === null) throw sourceGone(key)
  const hash = createHash('sha256')
  const tar = createGunzip()
  const file = path.join(folder, 'source-part.tar.gz')
  const checked = tar.pipe(hashing(hash))
  tar.on('error', error => checked.destroy(error))
  const [{sha256, size, collected, warnings}] = await Promise.all([
    writeSourcePart({sourceTar: checked, scripts, facts: slugFacts(record), collect: ['Procfile'], sink: createWriteStream(file)}),
    pipeline(object.body, tar),
  ])
  if (hash.digest('hex') !== record.source.sha256) throw wrongSource(key, record)
  return {
    part: {what: 'the source', size, sha256, open: () => createReadStream(file)},
    procfile: collected.get('Procfile')?.toString() ?? null,
    warnings,
  }
}

/**
 * Fetches the layer, once: from disk it is read for the checksum, and again for each try of the upload.
 * @param onProgress bytes so far
 * @throws NixError LAYER_GONE; its digest is checked by whoever reads the part
 */
export async function fetchLayer(
  bucket: Pick<Bucket, 'stream'>, {outcome: {layer}}: SucceededBuild, {folder, onProgress}: {folder: string; onProgress: (bytes: number) => void},
): Promise<void> {
  const object = await bucket.stream(layer.key)
  if (object === null) throw gone(layer.key, 'LAYER_GONE')
  let bytes = 0
  await pipeline(object.body, async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      bytes += chunk.length
      // Whoever reads the part says that it is not what was promised; without an end it would fill the disk first.
      yield chunk
      if (bytes > layer.size) return
      onProgress(bytes)
    }
  }, createWriteStream(layerFile(folder)))
}

/** The layer as a part whose size is known before it is fetched. */
export function layerPart({outcome: {layer}}: SucceededBuild, folder: string): SlugPart {
  return {what: 'the layer', size: layer.size, sha256: layer.sha256, open: () => createReadStream(layerFile(folder))}
}

function layerFile(folder: string): string {
  return path.join(folder, 'layer.tar.gz')
}

function hashing(hash: {update(chunk: Buffer): unknown}): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
}

function gone(key: string, code: string): NixError {
  return new NixError(`${key} is no longer in the bucket.`, {code, exit: EXIT.slug, suggestions: ['heroku nix:build --force', 'heroku nix:redeploy --build ID, for another build']})
}

export function sourceGone(key: string): NixError {
  return gone(key, 'SOURCE_GONE')
}

export function wrongSource(key: string, {id}: SucceededBuild): NixError {
  return new NixError(`The source in the bucket, ${key}, is not the one that build ${id} built.`, {
    code: 'WRONG_DIGEST', exit: EXIT.verification, suggestions: ['heroku nix:build --force'],
  })
}
