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
 * The build to release: the one that was asked for, else the newest of HEAD's tree with the flags as they are now, else
 * the newest of that tree, else the newest that succeeded.
 * @param head HEAD's tree; null outside of a repository
 * @param flags NIX_BUILD_FLAGS
 * @throws NixError NO_BUILD, NO_SUCH_BUILD, BUILD_NOT_SUCCEEDED, BAD_SIGNATURE
 */
export async function chooseBuild(
  records: Pick<RecordStore, 'newestSucceeded' | 'require'>, {asked, head, flags, app, key}: {asked: string | null; head: string | null; flags: string; app: string; key: PublicKey},
): Promise<ChosenBuild> {
  const chosen = asked === null ? await chooseNewest(records, head, flags, app) : {record: await requireSucceeded(records, asked), note: null}
  verifyRecord(chosen.record, {app, id: chosen.record.id, key})
  return chosen
}

async function chooseNewest(records: Pick<RecordStore, 'newestSucceeded'>, head: string | null, flags: string, app: string): Promise<ChosenBuild> {
  const ofTree = head === null ? null : await newestOf(records, head, flags)
  if (ofTree !== null) {
    const {id, buildFlags} = ofTree
    return {
      record: ofTree,
      note: buildFlags === flags ? null : `HEAD was not built with the NIX_BUILD_FLAGS "${flags}"; taking build ${id}, which had "${buildFlags}". To build it with these: heroku nix:build first`,
    }
  }

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

/** A pointer to another tree's build, which only somebody else than us can have written, counts as none. */
async function newestOf(records: Pick<RecordStore, 'newestSucceeded'>, tree: string, flags: string): Promise<SucceededBuild | null> {
  for (const pointer of [{tree, flags}, {tree}]) {
    const found = await records.newestSucceeded(pointer)
    if (found?.record.source.tree === tree) return found.record
  }

  return null
}

async function requireSucceeded(records: Pick<RecordStore, 'require'>, id: string): Promise<SucceededBuild> {
  const {record} = await records.require(id)
  if (record.state === 'succeeded') return record
  throw new NixError(`Build ${id} has not succeeded: it is ${record.state}.`, {
    code: 'BUILD_NOT_SUCCEEDED', exit: EXIT.usage, suggestions: [`heroku nix:build --follow ${id}`, 'heroku nix:redeploy, which takes the newest that succeeded'],
  })
}
