import {readNar} from '../closure/nar-reader.ts'
import {NixError} from '../errors.ts'
import {baseNameOf} from '../nix/store-path.ts'
import {released} from '../release-memory.ts'
import type {FoundPath} from './find-paths.ts'
import {rangedObject, type Fetched, type ObjectSource} from './ranged-object.ts'
import {verifiedNar} from './verified-nar.ts'
import {viewEntries, type ViewEntry} from './view-entries.ts'

export interface RestoredPath {
  entries: AsyncIterable<ViewEntry>
  /** Ends the requests under way; needed where not all is taken. */
  close(): void
}

/**
 * A path's entries as they lie in the view, off the bucket. Its bytes are asked for at once.
 * @param scratch an existing folder for files too large for memory
 * @throws NixError of restoredEntries, NAR_MISSING, NAR_TRUNCATED
 */
export function restoredPath(bucket: ObjectSource, path: FoundPath, scratch: string): RestoredPath {
  const fetched = rangedObject(bucket, path.narKey, path.info.fileSize)
  async function* untilEnd(): AsyncGenerator<ViewEntry, void> {
    try {
      yield* restoredEntries(path, fetched.pieces, {bucketName: bucket.name, scratch})
    } finally {
      fetched.close()
    }
  }

  return {entries: untilEnd(), close: () => fetched.close()}
}

/**
 * The same out of its object's bytes. They are right when the last entry was taken without an error, and not before.
 * @throws NixError BAD_NAR, WRONG_NAR, which name path and object
 */
export async function* restoredEntries(
  {info, narKey}: FoundPath, compressed: Fetched['pieces'], {bucketName, scratch}: {bucketName: string; scratch: string},
): AsyncGenerator<ViewEntry, void> {
  try {
    yield* viewEntries(readNar(verifiedNar(released(compressed), info)), {baseName: baseNameOf(info.storePath), isPlainData: isPlainData(info), scratch})
  } catch (error) {
    if (!(error instanceof NixError) || !['BAD_NAR', 'WRONG_NAR'].includes(error.code)) throw error
    throw new NixError(`The NAR of ${info.storePath}, ${narKey} in bucket ${bucketName}, is refused: ${error.message}`, {
      code: error.code, exit: error.exitCode, suggestions: ['heroku nix:build --force'], cause: error,
    })
  }
}

/** As a build decides it from Nix's database: without references nothing in a source or a download is a store path, whatever it looks like. */
function isPlainData({deriver, ca, references}: FoundPath['info']): boolean {
  return references.length === 0 && (deriver === null || ca !== null)
}
