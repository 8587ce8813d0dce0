import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import type {PresignedToolbox} from '../build/dyno-command.ts'
import type {Toolbox} from '../tools/toolbox.ts'

/** A dyno starts within minutes, and its loader fetches all it needs at once. */
const SECONDS = 3600

/** URLs of all that a dyno's first commands fetch, for a stack whose curl cannot sign. */
export async function presignToolbox(bucket: Pick<Bucket, 'presign'>, {files, tools}: Toolbox): Promise<PresignedToolbox> {
  const get = (key: string | undefined) => {
    if (key === undefined) throw new TypeError('The toolbox is not whole.')
    return bucket.presign('GET', key, {expiresIn: SECONDS})
  }

  const file = (name: string) => get(files.find(({key}) => key.endsWith(`/${name}`))?.key)
  const node = tools.find(({name}) => name === 'node')
  const [loader, program, lock, nodeUrl] = await Promise.all([
    file('loader.sh'), file('dyno.mjs'), file('tools.lock.json'), get(node && keys.tool(node.sha256)),
  ])
  return {loader, program, lock, node: nodeUrl}
}
