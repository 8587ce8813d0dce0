import type {RecordStore} from '../build/record-store.ts'
import type {SucceededBuild} from '../build/record.ts'
import {verifyRecord} from '../build/signed-text.ts'
import {EXIT, NixError} from '../errors.ts'
import type {PublicKey} from '../signing/nix-key.ts'

export interface ChosenBuild {
  record: SucceededBuild
  /** said when it is not what the user would expect */
  note: string | null
}

/**
 * The build to release: the one that was asked for, else the newest of HEAD's tree, else the newest that succeeded.
 * @param head HEAD's tree; null outside of a repository
 * @throws NixError NO_BUILD, NO_SUCH_BUILD, BUILD_NOT_SUCCEEDED, BAD_SIGNATURE
 */
export async function chooseBuild(
  records: Pick<RecordStore, 'newestSucceeded' | 'require'>, {asked, head, app, key}: {asked: string | null; head: string | null; app: string; key: PublicKey},
): Promise<ChosenBuild> {
  const chosen = asked === null ? await chooseNewest(records, head, app) : {record: await requireSucceeded(records, asked), note: null}
  verifyRecord(chosen.record, {app, id: chosen.record.id, key})
  return chosen
}

async function chooseNewest(records: Pick<RecordStore, 'newestSucceeded'>, head: string | null, app: string): Promise<ChosenBuild> {
  const ofTree = head === null ? null : await records.newestSucceeded({tree: head})
  if (ofTree !== null) return {record: ofTree.record, note: null}
  const newest = await records.newestSucceeded('newest')
  if (newest === null) {
    throw new NixError(`No build of ${app} has succeeded yet.`, {code: 'NO_BUILD', exit: EXIT.setup, suggestions: ['heroku nix:build']})
  }

  const {id, source: {commit, tree}} = newest.record
  const what = commit === null ? `tree ${tree.slice(0, 10)}` : `commit ${commit.slice(0, 10)}`
  return {
    record: newest.record,
    note: head === null ? null : `HEAD's tree ${head.slice(0, 10)} was not built; taking the newest build, ${id} of ${what}. To release HEAD: heroku nix:build first`,
  }
}

async function requireSucceeded(records: Pick<RecordStore, 'require'>, id: string): Promise<SucceededBuild> {
  const {record} = await records.require(id)
  if (record.state === 'succeeded') return record
  throw new NixError(`Build ${id} has not succeeded: it is ${record.state}.`, {
    code: 'BUILD_NOT_SUCCEEDED', exit: EXIT.usage, suggestions: [`heroku nix:build --follow ${id}`, 'heroku nix:redeploy, which takes the newest that succeeded'],
  })
}
