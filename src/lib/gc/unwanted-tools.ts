import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {NixError} from '../errors.ts'
import {allOf} from '../restore/parallel.ts'
import {parsePinnedTools} from '../tools/lock.ts'
import type {Found, Survey} from './survey.ts'

/** Toolboxes and programs that no dyno starts from any more. */
export interface UnwantedTools {
  /** the loaders first: where one is, its toolbox is whole */
  toolboxes: Found[]
  tools: Found[]
}

const MAX_LOCK = 65_536
const WIDTH = 8

/** @param isWanted of a toolbox, by its digest */
export async function unwantedTools(
  bucket: Pick<Bucket, 'read'>, {toolboxes, tools}: Pick<Survey, 'toolboxes' | 'tools'>, {isWanted, isYoung}: {isWanted: (digest: string) => boolean; isYoung: (found: Found) => boolean},
): Promise<UnwantedTools> {
  const stays = ([digest, objects]: [string, Found[]]) => isWanted(digest) || objects.some(isYoung)
  const kept = await allOf([...toolboxes].filter(stays), WIDTH, ([digest]) => toolsOf(bucket, digest))
  const used = new Set(kept.flatMap(keysOfTools => keysOfTools ?? []))
  const isLoader = ({key}: Found) => key.endsWith('/loader.sh')
  const gone = [...toolboxes].filter(toolbox => !stays(toolbox)).flatMap(([, objects]) => objects)
  return {
    toolboxes: [...gone.filter(isLoader), ...gone.filter(found => !isLoader(found))],
    // A toolbox whose lock cannot be read may need any of them.
    tools: kept.includes(null) ? [] : tools.filter(found => !used.has(found.key) && !isYoung(found)),
  }
}

/** @returns keys; null: nobody knows */
async function toolsOf(bucket: Pick<Bucket, 'read'>, digest: string): Promise<string[] | null> {
  const key = keys.toolbox(digest, 'tools.lock.json')
  const lock = await bucket.read(key, {maxBytes: MAX_LOCK})
  if (lock === null) return null
  try {
    return parsePinnedTools(lock.bytes.toString(), key).tools.map(({sha256}) => keys.tool(sha256))
  } catch (error) {
    if (error instanceof NixError) return null
    throw error
  }
}
