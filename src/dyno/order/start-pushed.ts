import {writeFile} from 'node:fs/promises'
import {committedEntries} from '../../lib/source/pack-folder.ts'
import {openSession, runOrdered} from '../build/session.ts'
import {orderBuild, uploadEntries} from './order-build.ts'

/** Heroku's limit for a push. https://devcenter.heroku.com/articles/slug-compiler#time-limit */
const TIME_TO_LIVE = 15 * 60

/**
 * `dyno.mjs build-pushed FOLDER COMMIT ID_FILE`, on a build machine: builds what the folder holds. COMMIT is empty where nobody
 * knows it; the build's id is written to a file as soon as it has one. Ends the process.
 */
export async function startPushed(folder: string, commit: string, idFile: string): Promise<never> {
  const session = openSession()
  const {config, bucket} = session
  const {tree, sha256} = await uploadEntries(bucket, config.appName, committedEntries(folder))
  const source = {tree, commit: commit === '' ? null : commit, sha256}
  const id = await orderBuild(source, TIME_TO_LIVE, session)
  await writeFile(idFile, `${id}\n`)
  process.exit(await runOrdered({id, source, builder: 'push', isShown: true}, session))
}
