import {randomBytes} from 'node:crypto'
import type {Bucket} from '../../lib/bucket/bucket.ts'
import {keys} from '../../lib/bucket/keys.ts'
import {makeBuildId} from '../../lib/build/id.ts'
import {stays} from '../../lib/gc/stays.ts'
import {ownClock} from '../../lib/gc/sweep-mark.ts'
import {recordStore} from '../../lib/build/record-store.ts'
import type {BuildSource} from '../../lib/build/record.ts'
import type {SlugEntries} from '../../lib/slug/entry.ts'
import {packEntries, type PackedFolder} from '../../lib/source/pack-folder.ts'
import type {Session} from '../build/session.ts'

/** Where a source is packed, beside what the loader made. */
const PACKED = '/app/.nix-build/source.tar.gz'

/** Packs a source as nix:build does, and puts it where its build looks for it. @param check throws where it is another one than expected */
export async function uploadEntries(
  bucket: Pick<Bucket, 'head' | 'put' | 'read' | 'touch'>, app: string, entries: SlugEntries, check: (packed: PackedFolder) => void = () => undefined,
): Promise<PackedFolder> {
  const packed = await packEntries(entries, PACKED)
  check(packed)
  const key = keys.source(app, packed.tree)
  if (!await stays(bucket, key, ownClock)) await bucket.put(key, {file: PACKED}, {condition: 'absent', contentType: 'application/gzip'})
  return packed
}

/** Writes the record of a build that begins now, in this process. @param timeToLive seconds @returns its id */
export async function orderBuild(source: BuildSource, timeToLive: number, {variables, config, bucket}: Session): Promise<string> {
  const now = new Date()
  const id = makeBuildId(now, randomBytes(4))
  await recordStore(bucket, config.appName).create({
    version: 1, state: 'pending', id, app: config.appName, createdAt: now.toISOString(), source, buildFlags: config.buildFlags,
    toolbox: variables['NIX_TOOLBOX'] ?? '', dynoSize: null, timeToLive,
  })
  return id
}
