import path from 'node:path'
import {PassThrough} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {gzipSync} from 'node:zlib'
import {pack} from 'tar-stream'
import {keys} from '../../../src/lib/bucket/keys.ts'
import type {Bucket} from '../../../src/lib/bucket/bucket.ts'
import {recordStore} from '../../../src/lib/build/record-store.ts'
import type {ClosurePath, Outcome, SucceededBuild} from '../../../src/lib/build/record.ts'
import {signRecord} from '../../../src/lib/build/signed-text.ts'
import {noteLayer} from '../../../src/lib/layers/noted-layers.ts'
import {makeSecretKey, type SecretKey} from '../../../src/lib/signing/nix-key.ts'
import {layerDigest} from '../../../src/lib/slug/layer-digest.ts'
import {writeLayer} from '../../../src/lib/slug/layer.ts'
import {walkView} from '../../../src/lib/slug/walk-view.ts'
import {parseRules} from '../../../src/lib/slugexclude/parse-rules.ts'

export const KEY = makeSecretKey('example-app-1', Buffer.alloc(32, 1))
const OTHER_KEY = makeSecretKey(KEY.name, Buffer.alloc(32, 2))
/** Of the pushed project where a scenario has `prunedBefore`. */
const OTHER_RULES = '- /store/*/share/\n'
const RESULT = `${'a'.repeat(32)}-hello`
const LIBRARY = `${'b'.repeat(32)}-library`

export interface Source {
  commit: string | null
  tree: string
}

/** A build, and what is wrong with it or with what the bucket holds of it. */
interface Scenario {
  source: Source
  slugexclude?: string
  /** The bucket has a layer by these rules, too. */
  prunedBefore?: string
  /** of the note of that layer */
  noteSignedWith?: SecretKey
  signedWith?: SecretKey
  /** changes the record after it was signed */
  tamper?: (record: SucceededBuild) => SucceededBuild
  /** what the bucket holds of the layer; null: nothing. `outside`: a folder in which nobody has anything to do */
  keep?: (layer: Buffer, outside: string) => Buffer | null | Promise<Buffer>
  /** makes this commit's pointer name the build, whatever it is of */
  pointed?: string
}

/** Scenarios by the app that has them, each with one build. */
export function scenarios(pushed: Source): Record<string, Scenario> {
  const other: Source = {commit: 'd'.repeat(40), tree: 'e'.repeat(40)}
  const flip = (layer: Buffer) => Buffer.concat([layer.subarray(0, -1), Buffer.from([layer.at(-1) === 0 ? 1 : 0])])
  return {
    'whole': {source: pushed},
    'worktree': {source: {commit: null, tree: pushed.tree}},
    'older': {source: other},
    'older-uncommitted': {source: {commit: null, tree: other.tree}},
    'pruned': {source: pushed, slugexclude: '- store/*/share\n'},
    'pruned-before': {source: pushed, prunedBefore: OTHER_RULES},
    'pruned-by-somebody': {source: pushed, prunedBefore: OTHER_RULES, noteSignedWith: OTHER_KEY},
    'other-key': {source: pushed, signedWith: OTHER_KEY},
    'tampered': {source: pushed, tamper: record => ({...record, outcome: {...record.outcome, result: `/nix/store/${LIBRARY}`}})},
    'folded': {source: pushed, tamper: foldClosure},
    'moved-pointer': {source: other, pointed: pushed.commit ?? ''},
    'changed-layer': {source: pushed, keep: flip},
    'cut-layer': {source: pushed, keep: layer => layer.subarray(0, layer.length >> 1)},
    'hostile-layer': {source: pushed, keep: (_layer, outside) => hostileLayer(outside)},
    'gone-layer': {source: pushed, keep: () => null},
    'breaking': {source: pushed},
    'breaking-once': {source: pushed},
    'denied': {source: pushed},
    'expired': {source: pushed},
    'borrowed': {source: pushed, tamper: record => signRecord({...record, app: 'whole'}, KEY)},
  }
}

/** Each way out of the folder that a tar is unpacked in. */
async function hostileLayer(outside: string): Promise<Buffer> {
  const tar = pack()
  const up = '../'.repeat(20)
  tar.entry({name: `./app/${up}${outside}/evil-upwards`}, 'x')
  tar.entry({name: `${outside}/evil-absolute`}, 'x')
  for (const [name, target] of [['absolute', outside], ['relative', `${up}${outside.slice(1)}`], ['chained', 'relative']] as const) {
    tar.entry({name: `./app/${name}`, type: 'symlink', linkname: target})
    tar.entry({name: `./app/${name}/evil-through-link`}, 'x')
  }

  tar.entry({name: './app/file', type: 'symlink', linkname: `${outside}/file`})
  tar.entry({name: './app/file'}, 'changed')
  tar.entry({name: './app/hard', type: 'link', linkname: `./app/${up}${outside}/file`})
  tar.entry({name: './app/hard'}, 'changed')
  tar.entry({name: './app/.nixs', type: 'symlink', linkname: outside})
  tar.entry({name: './app/.nixs/evil-in-store'}, 'x')
  tar.finalize()
  return gzipSync(await buffer(tar))
}

/** Two paths written as one, whose references hold a line break: the same signed text. */
function foldClosure(record: SucceededBuild): SucceededBuild {
  const [first, second] = record.outcome.closure
  if (!first || !second) throw new Error('The closure has too few paths.')
  const folded: ClosurePath = {
    ...first, references: [`${first.references.join(',')}\npath ${second.path} ${second.narHash} ${second.narSize} ${second.references.join(',')}`],
  }
  return {...record, outcome: {...record.outcome, closure: [folded]}}
}

/** @param view holds RESULT and LIBRARY @returns the layer's key */
export async function putBuild(bucket: Bucket, {app, view, scenario, index}: {app: string; view: string; scenario: Scenario; index: number}): Promise<string> {
  const {source, slugexclude = null, signedWith = KEY} = scenario
  // Each app's NAR hashes, and so its layer's key, are its own.
  const hash = (letter: string) => `sha256:${letter.repeat(50)}${String(index).padStart(2, '0')}`
  const closure: ClosurePath[] = [
    {path: `/nix/store/${RESULT}`, narHash: hash('a'), narSize: 200, references: [`/nix/store/${LIBRARY}`]},
    {path: `/nix/store/${LIBRARY}`, narHash: hash('b'), narSize: 200, references: []},
  ]
  const sink = new PassThrough()
  const bytes = buffer(sink)
  const made = await writeLayer({entries: walkView(view, [RESULT, LIBRARY]), rules: null, result: RESULT, sink})
  const digest = layerDigest({closure, result: `/nix/store/${RESULT}`, slugexclude, engine: 'relocate'})
  const id = '20261123-093000-ab12'
  const signed = signRecord({
    version: 1, id, app, createdAt: '2026-11-23T09:30:00.000Z', state: 'succeeded', source: {...source, sha256: 'c'.repeat(64)},
    buildFlags: '-A "ä b"\n', toolbox: 'd'.repeat(64), dynoSize: null, timeToLive: 3600, finishedAt: '2026-11-23T09:31:00.000Z', logSegments: 1,
    claim: {dyno: 'run.1234', nonce: 'n0nce', claimedAt: '2026-11-23T09:30:05.000Z'},
    outcome: {
      engine: 'relocate', probe: {}, result: `/nix/store/${RESULT}`, drvPath: null, closure, programs: ['hello'],
      layer: {key: keys.layer(digest), digest, sha256: made.sha256, size: made.size, unpackedSize: made.unpackedSize},
      listing: {key: keys.listing(app, id), sha256: 'f'.repeat(64), size: 100},
    },
  }, signedWith)
  const record = scenario.tamper?.(signed) ?? signed
  const kept = scenario.keep ? await scenario.keep(await bytes, path.join(path.dirname(view), 'outside')) : await bytes
  if (kept) await bucket.put(keys.layer(digest), kept)
  await bucket.put(keys.record(app, id), Buffer.from(JSON.stringify(record)))
  await recordStore(bucket, app).advancePointers(signed)
  if (scenario.prunedBefore !== undefined) await putPruned(bucket, {view, rules: scenario.prunedBefore, outcome: signed.outcome, key: scenario.noteSignedWith ?? KEY})
  if (scenario.pointed !== undefined) await bucket.put(keys.commit(app, scenario.pointed), Buffer.from(`${id}\n`))
  return keys.layer(digest)
}

async function putPruned(bucket: Bucket, {view, rules, outcome, key}: {view: string; rules: string; outcome: Outcome; key: SecretKey}): Promise<void> {
  const sink = new PassThrough()
  const bytes = buffer(sink)
  const {sha256, size, unpackedSize} = await writeLayer({entries: walkView(view, [RESULT, LIBRARY]), rules: parseRules(rules), result: RESULT, sink})
  const digest = layerDigest({...outcome, slugexclude: rules})
  await bucket.put(keys.layer(digest), await bytes)
  await noteLayer(bucket, {key: keys.layer(digest), digest, sha256, size, unpackedSize}, key)
}
