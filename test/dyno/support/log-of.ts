import {keys} from '../../../src/lib/bucket/keys.ts'
import {APP, type OrderedBuild, type World} from './world.ts'

/** A build's log, as far as it lies in the bucket. */
export async function logOf({bucket}: Pick<World, 'bucket'>, {id}: Pick<OrderedBuild, 'id'>): Promise<string> {
  const segments: string[] = []
  for await (const {key} of bucket.list(keys.log(APP, id, 1).slice(0, -6))) {
    segments.push((await bucket.read(key, {maxBytes: 2 ** 24}))?.bytes.toString() ?? '')
  }

  return segments.join('')
}
