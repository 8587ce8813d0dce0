import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {EXIT, NixError} from '../errors.ts'
import {iamPolicy} from './policy.ts'

/**
 * Does with the bucket what builds will: write, read, list, delete, and each conditional write both ways.
 * Leaves nothing behind.
 * @param nonce names the probe's object
 * @throws NixError NO_SUCH_BUCKET, BAD_S3_KEY, BAD_S3_SECRET, WRONG_REGION; ACCESS_DENIED with the policy that is
 *   needed; NO_CONDITIONAL_WRITES
 */
export async function probeBucket(bucket: Bucket, nonce: string): Promise<void> {
  const key = keys.probe(nonce)
  try {
    await tryConditions(bucket, key)
    await bucket.delete([key])
  } catch (error) {
    // The first failure is what counts; whoever may not write may not delete either.
    await bucket.delete([key]).catch(() => undefined)
    throw withPolicy(error, bucket.name)
  }
}

async function tryConditions(bucket: Bucket, key: string): Promise<void> {
  const first = await bucket.put(key, Buffer.from('one'), {condition: 'absent'})
  // Before If-Match, which AWS permits only to who may read, and else refuses as a write.
  const read = await bucket.read(key, {maxBytes: 1024})
  const listed: string[] = []
  for await (const object of bucket.list(key)) listed.push(object.key)
  if (first.kind === 'stored' && (read?.bytes.toString() !== 'one' || !listed.includes(key))) {
    throw new NixError(`Bucket ${bucket.name} does not give back what was just written to it: ${key}.`, {
      code: 'STALE_BUCKET', exit: EXIT.setup, suggestions: ['use a store that reads its own writes, as AWS S3 does'],
    })
  }

  const second = await bucket.put(key, Buffer.from('two'), {condition: 'absent'})
  if (first.kind === 'refused' || second.kind === 'stored') throw ignores(bucket.name, 'If-None-Match')
  const next = await bucket.put(key, Buffer.from('three'), {condition: {etag: first.etag}})
  const late = await bucket.put(key, Buffer.from('four'), {condition: {etag: first.etag}})
  if (next.kind === 'refused' || late.kind === 'stored') throw ignores(bucket.name, 'If-Match')
}

function ignores(bucket: string, header: string): NixError {
  return new NixError(`The store of bucket ${bucket} does not honour ${header}: two builds at once would overwrite one another's records.`, {
    code: 'NO_CONDITIONAL_WRITES', exit: EXIT.setup,
    suggestions: ['use AWS S3 or a store with conditional writes (Ceph, MinIO, Cloudflare R2), and heroku nix:setup --bucket NAME --endpoint URL'],
  })
}

function withPolicy(error: unknown, bucket: string): unknown {
  if (!(error instanceof NixError) || error.code !== 'ACCESS_DENIED') return error
  return new NixError(`${error.message}\n\nThis IAM policy permits what builds need, on this bucket alone:\n\n${iamPolicy(bucket)}\n`, {
    code: error.code, exit: error.exitCode, cause: error.cause,
    suggestions: ['attach the policy to the user of the access key (https://console.aws.amazon.com/iam), then heroku nix:setup'],
  })
}
