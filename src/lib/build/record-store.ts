import {createHash} from 'node:crypto'
import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {EXIT, NixError} from '../errors.ts'
import {isBuildId, secondOf} from './id.ts'
import {parseRecord} from './parse-record.ts'
import type {BuildRecord, Claim, PendingBuild, RunningBuild, SucceededBuild} from './record.ts'

/** A record of 1,000 paths with their references is some 500 kB. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024

/** A record and the version of it that was read, which its next version must follow. */
export interface Versioned<Kind extends BuildRecord = BuildRecord> {
  record: Kind
  etag: string
}

export type ClaimResult =
  | ({kind: 'claimed'} & Versioned<RunningBuild>)
  /** Somebody else has it, or it ended before it began. */
  | {kind: 'taken'; record: BuildRecord}

/** What the newest succeeded build is looked up by; `flags`: of those with exactly these NIX_BUILD_FLAGS. */
export type Pointer = {tree: string; flags?: string} | {commit: string} | 'newest'

/** The records of one app's builds, NIX_APP_NAME. */
export interface RecordStore {
  create(record: PendingBuild): Promise<void>
  /** null: no such build */
  read(id: string): Promise<Versioned | null>
  /** @throws NixError NO_SUCH_BUILD */
  require(id: string): Promise<Versioned>
  /** Exactly one of several claims wins. @throws NixError NO_SUCH_BUILD */
  claim(id: string, claim: Claim): Promise<ClaimResult>
  /** The next version; null: somebody else wrote one first. */
  replace<Kind extends BuildRecord>(record: Kind, etag: string): Promise<Versioned<Kind> | null>
  /** The id in a pointer, its record not looked at; null where there is none. */
  pointed(pointer: Pointer): Promise<string | null>
  /**
   * The newest build that succeeded; null where there is none. Its signature is not checked here.
   * A pointer whose record has gone counts as none.
   */
  newestSucceeded(pointer: Pointer): Promise<Versioned<SucceededBuild> | null>
  /** Makes the pointers name this build, unless they name a newer one. */
  advancePointers(record: SucceededBuild): Promise<void>
  /** Every build's id, oldest first. */
  ids(): AsyncIterable<string>
}

export function recordStore(bucket: Pick<Bucket, 'list' | 'name' | 'put' | 'read'>, app: string): RecordStore {
  const pointerKey = (pointer: Pointer) => {
    if (pointer === 'newest') {
      return keys.newest(app)
    }

    if ('commit' in pointer) {
      return keys.commit(app, pointer.commit)
    }

    return pointer.flags === undefined ? keys.tree(app, pointer.tree) : keys.treeWithFlags(app, pointer.tree, digest(pointer.flags))
  }

  async function read(id: string): Promise<Versioned | null> {
    const key = keys.record(app, id)
    const object = await bucket.read(key, {maxBytes: MAX_RECORD_BYTES})
    if (!object) {
      return null
    }

    const record = parseJson(object.bytes, key)
    if (record.id !== id || record.app !== app) {
      throw new NixError(`${key} is the record of another build, ${record.id} of ${record.app}.`, {
        code: 'BAD_RECORD', exit: EXIT.verification, suggestions: ['heroku nix:build --force'],
      })
    }

    return {record, etag: object.etag}
  }

  async function requireRecord(id: string): Promise<Versioned> {
    const found = await read(id)
    if (!found) {
      throw new NixError(`${app} has no build ${id}.`, {code: 'NO_SUCH_BUILD', exit: EXIT.usage, suggestions: ['heroku nix:build']})
    }

    return found
  }

  async function replace<Kind extends BuildRecord>(record: Kind, etag: string): Promise<Versioned<Kind> | null> {
    const bytes = serialize(record)
    const result = await bucket.put(keys.record(app, record.id), bytes, {condition: {etag}, contentType: 'application/json'})
    if (result.kind === 'stored') {
      return {record, etag: result.etag}
    }

    // A write whose answer got lost is sent again and then refused by its own first copy.
    const current = await bucket.read(keys.record(app, record.id), {maxBytes: MAX_RECORD_BYTES})
    return current?.bytes.equals(bytes) ? {record, etag: current.etag} : null
  }

  async function pointed(pointer: Pointer): Promise<{id: string; etag: string} | null> {
    const object = await bucket.read(pointerKey(pointer), {maxBytes: 1024})
    const id = object?.bytes.toString().trim() ?? ''
    return object && isBuildId(id) ? {id, etag: object.etag} : null
  }

  /** Ids tell seconds apart; within one, the records do. */
  async function isNewer(current: string, {id, createdAt}: SucceededBuild): Promise<boolean> {
    if (secondOf(current) !== secondOf(id) || current === id) {
      return current >= id
    }

    const other = await read(current)
    if (!other) {
      return false
    }

    const difference = Date.parse(other.record.createdAt) - Date.parse(createdAt)
    return difference === 0 ? current > id : difference > 0
  }

  async function advance(pointer: Pointer, record: SucceededBuild): Promise<void> {
    const {id} = record
    // Each refusal means that another build moved the pointer, so this ends when ours is the older one.
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const object = await bucket.read(pointerKey(pointer), {maxBytes: 1024})
      const current = object?.bytes.toString().trim() ?? ''
      if (isBuildId(current) && await isNewer(current, record)) {
        return
      }

      const result = await bucket.put(pointerKey(pointer), Buffer.from(`${id}\n`), {condition: object ? {etag: object.etag} : 'absent', contentType: 'text/plain'})
      if (result.kind === 'stored') {
        return
      }
    }

    throw new NixError(`${pointerKey(pointer)} in bucket ${bucket.name} could not be changed: other builds change it all the time.`, {
      code: 'POINTER_CONTENDED', exit: EXIT.unavailable, suggestions: [`heroku nix:redeploy --build ${id}`],
    })
  }

  return {
    read, require: requireRecord, replace,

    async create(record) {
      const bytes = serialize(record)
      const key = keys.record(app, record.id)
      const result = await bucket.put(key, bytes, {condition: 'absent', contentType: 'application/json'})
      if (result.kind === 'refused' && !(await bucket.read(key, {maxBytes: MAX_RECORD_BYTES}))?.bytes.equals(bytes)) {
        throw new NixError(`${app} has a build ${record.id} already.`, {code: 'BUILD_EXISTS', exit: EXIT.unexpected, suggestions: ['heroku nix:build']})
      }
    },

    async claim(id, claim) {
      const {record, etag} = await requireRecord(id)
      if (record.state !== 'pending') {
        return {kind: 'taken', record}
      }

      const running: RunningBuild = {...record, state: 'running', claim, heartbeatAt: claim.claimedAt, logSegments: 0}
      const stored = await replace(running, etag)
      return stored ? {kind: 'claimed', ...stored} : {kind: 'taken', record: (await requireRecord(id)).record}
    },

    async pointed(pointer) {
      return (await pointed(pointer))?.id ?? null
    },

    async newestSucceeded(pointer) {
      const target = await pointed(pointer)
      const found = target && await read(target.id)
      return found?.record.state === 'succeeded' ? {record: found.record, etag: found.etag} : null
    },

    async advancePointers(record) {
      const {source, buildFlags} = record
      await advance({tree: source.tree}, record)
      await advance({tree: source.tree, flags: buildFlags}, record)
      if (source.commit !== null) {
        await advance({commit: source.commit}, record)
      }

      await advance('newest', record)
    },

    async* ids() {
      let last = ''
      for await (const {key} of bucket.list(keys.builds(app))) {
        const id = key.slice(keys.builds(app).length).split('/')[0] ?? ''
        if (id !== last && isBuildId(id)) {
          last = id
          yield id
        }
      }
    },
  }
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')

/** Refuses to write what nobody could read. */
function serialize(record: BuildRecord): Buffer {
  const text = JSON.stringify(record, null, 1)
  parseRecord(JSON.parse(text), `The new record of build ${record.id}`)
  return Buffer.from(`${text}\n`)
}

function parseJson(bytes: Buffer, key: string): BuildRecord {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString())
  } catch (error) {
    throw new NixError(`${key} is not JSON.`, {code: 'BAD_RECORD', exit: EXIT.verification, suggestions: ['heroku nix:build --force'], cause: error})
  }

  return parseRecord(value, key)
}
