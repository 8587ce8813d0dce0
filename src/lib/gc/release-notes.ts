import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {isBuildId} from '../build/id.ts'
import {EXIT, NixError} from '../errors.ts'

const MAX_NOTED = 100
const MAX_BYTES = 16_384

/** Notes that an app is about to release a build. @throws NixError RELEASE_NOTE_CONTENDED */
export async function noteRelease(bucket: Pick<Bucket, 'name' | 'put' | 'read'>, {app, herokuApp, build}: {app: string; herokuApp: string; build: string}): Promise<void> {
  const key = keys.released(app, herokuApp)
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const found = await bucket.read(key, {maxBytes: MAX_BYTES})
    const builds = [build, ...parseReleaseNote(found?.bytes ?? null).filter(other => other !== build)].slice(0, MAX_NOTED)
    const put = await bucket.put(key, Buffer.from(builds.map(id => `${id}\n`).join('')), {condition: found ? {etag: found.etag} : 'absent', contentType: 'text/plain'})
    if (put.kind === 'stored') return
  }

  throw new NixError(`${key} in bucket ${bucket.name} could not be changed: others change it all the time.`, {code: 'RELEASE_NOTE_CONTENDED', exit: EXIT.unavailable})
}

/**
 * The builds of NIX_APP_NAME that apps at Heroku released or are about to, and which.
 * @param options.keep how many of each app, the newest
 */
export async function notedReleases(
  bucket: Pick<Bucket, 'read'>, notes: readonly {key: string}[], {keep}: {keep: number},
): Promise<Map<string, string>> {
  const released = new Map<string, string>()
  for (const {key} of notes) {
    const name = key.slice(key.lastIndexOf('/') + 1)
    const note = await bucket.read(key, {maxBytes: MAX_BYTES})
    for (const id of parseReleaseNote(note?.bytes ?? null).slice(0, keep)) released.set(id, name)
  }

  return released
}

function parseReleaseNote(bytes: Buffer | null): string[] {
  return (bytes?.toString() ?? '').split('\n').filter(isBuildId)
}
