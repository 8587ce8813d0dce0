import type {Bucket} from '../../lib/bucket/bucket.ts'
import {recordStore} from '../../lib/build/record-store.ts'
import type {SucceededBuild} from '../../lib/build/record.ts'
import {verifyRecord} from '../../lib/build/signed-text.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import type {PublicKey} from '../../lib/signing/nix-key.ts'

/**
 * The build that an order is about, its signature checked.
 * @param isOrdered whether the record is the one that the client saw, by what POST /dynos said
 * @throws NixError NO_SUCH_BUILD, BAD_RECORD, BAD_SIGNATURE, WRONG_RECORD
 */
export async function requireOrderedBuild(
  bucket: Bucket, {app, build, key}: {app: string; build: string; key: PublicKey}, isOrdered: (record: SucceededBuild) => boolean,
): Promise<SucceededBuild> {
  const {record} = await recordStore(bucket, app).require(build)
  if (record.state === 'succeeded') {
    verifyRecord(record, {app, id: build, key})
    if (isOrdered(record)) return record
  }

  throw new NixError(`The record of build ${build} is not the one that was ordered.`, {
    code: 'WRONG_RECORD', exit: EXIT.verification, suggestions: ['heroku nix:redeploy'],
  })
}
