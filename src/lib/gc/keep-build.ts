import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import type {SucceededBuild} from '../build/record.ts'
import {EXIT, NixError} from '../errors.ts'
import {stays} from './stays.ts'
import {ownClock, type Waiting} from './sweep-mark.ts'

/**
 * Keeps a build that somebody wants to use from being swept: a young record keeps all that its build needs, also from a sweep that
 * has decided already and has not come to it yet.
 * @throws NixError BUILD_SWEPT
 */
export async function keepBuild(bucket: Pick<Bucket, 'head' | 'read' | 'touch'>, {app, id}: Pick<SucceededBuild, 'app' | 'id'>, waiting: Waiting = ownClock): Promise<void> {
  if (await stays(bucket, keys.record(app, id), waiting)) return
  throw new NixError(`Build ${id} was deleted by heroku nix:cache:gc just now.`, {code: 'BUILD_SWEPT', exit: EXIT.unavailable, suggestions: ['heroku nix:build']})
}
