import {FOLLOW_WAITS, patientBucket} from '../bucket/patient-bucket.ts'
import {makeBuildId} from '../build/id.ts'
import type {SucceededBuild} from '../build/record.ts'
import {progressBar} from '../output/progress.ts'
import {presignToolbox} from '../setup/presign-toolbox.ts'
import {uploadToolbox} from '../setup/upload-toolbox.ts'
import type {OrderOptions, OrderWorld} from './order-by-dyno.ts'
import type {RedeployWorld} from './redeploy-world.ts'

/** Makes the bucket hold what a dyno starts from, and gives what ordering one needs. */
export async function prepareOrder(record: SucceededBuild, world: RedeployWorld): Promise<OrderOptions> {
  const {app, bucket, key, tell, now, random, dynos: {support, size, version, toolbox: read}} = world
  for (const note of support.notes) tell.warn(note)
  const toolbox = await read()
  await tell.step('Uploading toolbox', () => uploadToolbox(bucket, toolbox, {version, status: tell.status}),
    ({uploaded}) => (uploaded ? 'done' : 'it is there already'))
  return {
    order: makeBuildId(now(), random(4)), record, app, key, size, toolbox: toolbox.digest,
    presigned: support.presignedLoader ? await presignToolbox(bucket, toolbox) : null,
  }
}

/** @param starting what is shown until the dyno knows how many bytes there will be */
export function orderWorld({platform, impatient, bucket, tell, wait, elapsed}: RedeployWorld, starting: string): OrderWorld {
  return {
    platform, impatient, wait, elapsed,
    bucket: patientBucket(bucket, {waits: FOLLOW_WAITS, wait: seconds => wait(seconds * 1000), onWait: ({message}) => tell.say(`${message} Trying again.`)}),
    note: text => tell.warn(text),
    onStarted: dyno => tell.status(`dyno ${dyno}`),
    onProgress: (done, total) => tell.status(total === null ? starting : progressBar(done, total)),
  }
}
