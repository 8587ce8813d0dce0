import {createHash} from 'node:crypto'
import {Readable} from 'node:stream'
import {tarHeader} from '../slug/tar-header.ts'
import {fromText} from '../slug/byte-string.ts'
import {gzipMember} from '../slug/gzip-members.ts'
import type {NixError} from '../errors.ts'
import type {App} from '../platform/types.ts'
import type {Platform} from '../platform/platform.ts'
import {putSlug} from '../redeploy/put-slug.ts'

/**
 * Whether Heroku refused a dyno because the app never had a slug. Nobody documents whether it does, nor what it then
 * says, so the dyno is asked for first, and only a refusal that speaks of such things leads to an empty slug: a
 * forbidden size must not.
 */
export function wantsSlug({code, message}: NixError, {name, slugSize}: App): boolean {
  return slugSize === null && code === 'REFUSED' && /\b(?:slugs?|code|deploy(?:ed|ment)?|releases?)\b/i.test(message.replaceAll(name, ''))
}

/**
 * Releases a slug that holds an empty folder and no process type, for an app that never had one.
 * @returns the release's version
 */
export async function releaseEmptySlug(platform: Pick<Platform, 'createRelease' | 'createSlug'>, stack: string): Promise<number> {
  const folder = tarHeader({kind: 'directory', name: fromText('./app/'), mode: 0o755, size: 0, target: fromText('')})
  const bytes = await gzipMember(Buffer.concat([folder, Buffer.alloc(1024)]))
  const slug = await platform.createSlug({
    process_types: {}, stack, commit_description: 'empty, for the first build',
    checksum: `SHA256:${createHash('sha256').update(bytes).digest('hex')}`,
  })
  await putSlug(slug.blobUrl, {size: bytes.length, open: () => Readable.from([bytes])})
  return (await platform.createRelease({slug: slug.id, description: 'Empty slug for the first Nix build'})).version
}
