import fs from 'node:fs'
import {startClosureCache} from '../../../src/dyno/cache/closure-cache.ts'
import {runBuild} from '../../../src/dyno/build/run-build.ts'
import type {Bucket} from '../../../src/lib/bucket/bucket.ts'
import {keys} from '../../../src/lib/bucket/keys.ts'
import {recordStore} from '../../../src/lib/build/record-store.ts'
import type {Outcome, PendingBuild} from '../../../src/lib/build/record.ts'
import {contentHash} from '../../../src/lib/closure/content-hash.ts'
import {narOf} from '../../../src/lib/closure/nar-writer.ts'
import {publishLayer} from '../../../src/lib/layers/publish-layer.ts'
import {formatSecretKey} from '../../../src/lib/signing/nix-key.ts'
import {uploadSource} from '../../../src/lib/source/prepare-source.ts'
import {hex, KEY, PENDING} from '../../lib/build/records.ts'

/** A path that a build has to do with: its name's first letter makes its hash. */
export interface Made {
  letter: string
  references?: string[]
  /** part of the result's run-time closure */
  runTime: boolean
}

export interface BuildOptions {
  bucket: Bucket
  app: string
  id: string
  /** what the source is */
  tree: string
  paths: readonly Made[]
  /** holds `store`, and whatever a build writes */
  folder: string
  now: () => Date
  wait: (ms: number) => Promise<void>
}

const baseName = (letter: string) => `${letter.repeat(32)}-${letter}`
const schema = `
  create table ValidPaths (id integer primary key autoincrement, path text, hash text, registrationTime integer, deriver text, narSize integer, ultimate integer, sigs text, ca text);
  create table Refs (referrer integer, reference integer);
`

/**
 * A whole build but for Nix and its programs: source and record as nix:build writes them, then what the dyno program does, with
 * the cache on loopback asked as Nix asks it: what it does not have is built.
 */
export async function playBuild({bucket, app, id, tree, paths, folder, now, wait}: BuildOptions): Promise<number> {
  const own = `${folder}/${app}-${id}`
  fs.mkdirSync(own, {recursive: true})
  fs.writeFileSync(`${own}/source`, `source ${tree}`)
  const waiting = {now, wait}
  const source = {tree: hex(tree, 40), commit: hex(tree, 40), sha256: hex(tree)}
  await uploadSource(bucket, app, {revision: source, sha256: source.sha256, size: 8, ignored: 0, warnings: [], file: `${own}/source`, [Symbol.asyncDispose]: () => Promise.resolve()}, {waiting})
  const pending: PendingBuild = {...PENDING, id, app, source, createdAt: now().toISOString()}
  await recordStore(bucket, app).create(pending)
  const config = {
    appName: app, signingKey: formatSecretKey(KEY), buildFlags: '', engine: 'auto' as const, cacheUpstream: 'copy' as const, cacheTainted: 'own' as const,
    bucket: {bucket: 'example-bucket', key: 'k', secret: 's', region: 'eu-west-1', endpoint: null},
  }
  return runBuild(id, config, {DYNO: 'run.1'}, {
    bucket, now, wait, nonce: id, stdout: () => undefined, interruption: new AbortController().signal,
    build: async (): Promise<Outcome> => {
      await substitute({bucket, app, id, paths, folder, now, wait, tree}, own)
      const closure = paths.filter(({runTime}) => runTime).map(({letter, references = []}) => ({
        path: `/nix/store/${baseName(letter)}`, ...narIn(folder, letter), references: references.map(other => `/nix/store/${baseName(other)}`).sort(),
      })).sort((a, b) => a.path < b.path ? -1 : 1)
      const digest = hex(tree)
      fs.writeFileSync(`${own}/layer`, `layer ${digest}`)
      const layer = {key: keys.layer(digest), digest, sha256: hex('2'), size: fs.statSync(`${own}/layer`).size, unpackedSize: 3}
      await publishLayer(bucket, layer, {file: `${own}/layer`, key: KEY, waiting})
      await bucket.put(keys.listing(app, id), Buffer.from('listing'))
      const result = closure[0]?.path ?? ''
      return {engine: 'relocate', probe: {}, drvPath: null, result, closure, layer, listing: {key: keys.listing(app, id), sha256: hex('3'), size: 7}, programs: []}
    },
  })
}

async function substitute({bucket, app, id, paths, folder, now, wait}: BuildOptions, own: string): Promise<void> {
  const {DatabaseSync} = process.getBuiltinModule('node:sqlite')
  const db = new DatabaseSync(`${own}/db.sqlite`)
  db.exec(schema)
  const cache = await startClosureCache({
    bucket, key: KEY, flags: ['--option', 'substituters', ''], upstream: 'copy', folder: `${own}/saving`, hookFile: `${own}/hook`,
    canonical: `${folder}/store`, database: `${own}/db.sqlite`, report: () => undefined, wait, now, signal: new AbortController().signal,
  })
  try {
    cache.watch()
    const ids = new Map<string, number>()
    for (const {letter, references = []} of paths) {
      const {narHash, narSize} = narIn(folder, letter)
      const found = await fetch(`${cache.substituters.urls[0] ?? ''}/${letter.repeat(32)}.narinfo`)
      const nar = found.ok ? await fetch(`${cache.substituters.urls[0] ?? ''}/${/^URL: (.*)$/m.exec(await found.text())?.[1] ?? ''}`).catch(() => null) : null
      const isBuilt = nar?.ok !== true || await nar.arrayBuffer().then(() => false, () => true)
      const {lastInsertRowid} = db.prepare('insert into ValidPaths (path, hash, narSize, ultimate, deriver, sigs) values (?, ?, ?, ?, null, null)')
        .run(`/nix/store/${baseName(letter)}`, narHash, narSize, isBuilt ? 1 : 0)
      ids.set(letter, Number(lastInsertRowid))
      for (const reference of references) db.prepare('insert into Refs values (?, ?)').run(Number(lastInsertRowid), ids.get(reference) ?? Number(lastInsertRowid))
    }

    const saved = await cache.finish()
    const failure = saved.find(({kind}) => kind === 'failed')
    if (failure?.kind === 'failed') throw failure.error
    await bucket.put(keys.paths(app, id), Buffer.from(saved.map(({path}) => `${path.slice('/nix/store/'.length)}\n`).sort().join('')))
  } finally {
    await cache.close()
    db.close()
  }
}

/** A path's NAR; the path is made if it is not in the store yet. */
export function narIn(folder: string, letter: string): {narHash: string; narSize: number} {
  const place = `${folder}/store/${baseName(letter)}`
  fs.mkdirSync(`${folder}/store`, {recursive: true})
  if (!fs.existsSync(place)) fs.writeFileSync(place, `the content of ${letter}`)
  const hash = contentHash()
  for (const piece of narOf(place)) hash.update(piece)
  return {narHash: hash.digest(), narSize: hash.size}
}
