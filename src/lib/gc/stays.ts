import type {Bucket} from '../bucket/bucket.ts'
import {isOld} from './ages.ts'
import {unswept, type Waiting} from './sweep-mark.ts'

/**
 * Whether an object that somebody wants to reuse is there and will be tomorrow. An old one is touched; a sweep that had decided
 * before that is waited for, and looked after.
 */
export async function stays(bucket: Pick<Bucket, 'head' | 'read' | 'touch'>, key: string, waiting: Waiting): Promise<boolean> {
  const found = await bucket.head(key)
  if (found === null) return false
  if (!isOld(found.modifiedAt, waiting.now())) return true
  if (!await bucket.touch(key)) return false
  await unswept(bucket, waiting)
  return await bucket.head(key) !== null
}
