// Saves a closure as a build's dyno does, in a process of its own, and prints what it took. Argument: a SaveOrder as JSON;
// the bucket's secret comes in the environment.
import fs from 'node:fs'
import {DatabaseSync} from 'node:sqlite'
import {parseSecretKey} from '../../src/lib/signing/nix-key.ts'
import {s3Bucket} from '../../src/lib/bucket/s3-bucket.ts'
import type {Body, Bucket} from '../../src/lib/bucket/bucket.ts'
import type {BucketConfig} from '../../src/lib/config-vars.ts'
import {baseNameOf, hashPartOf} from '../../src/lib/nix/store-path.ts'
import {startClosureCache} from '../../src/dyno/cache/closure-cache.ts'
import {peakMemory} from './peak-memory.ts'

export interface SaveOrder {
  config: Omit<BucketConfig, 'secret'>
  /** Nix's folder: /nix of a store */
  nix: string
  /** the paths that Nix has */
  paths: string[]
  /** those of them that were built here; the others came from the bucket */
  built: string[]
  /** an empty folder */
  scratch: string
}

export interface SaveFigures {
  ms: number
  /** bytes that were put into the bucket */
  sent: number
  /** bytes of memory, at most */
  memory: number
  /** paths by what came of them */
  ends: Record<string, number>
}

const {config, nix, paths, built, scratch} = JSON.parse(process.argv[2] ?? '') as SaveOrder
const key = parseSecretKey(process.env['NIX_SIGNING_KEY'] ?? '')
const {bucket, sent} = counting(s3Bucket({...config, secret: process.env['NIX_S3_SECRET'] ?? ''}))
const register = emptyDatabase(`${nix}/var/nix/db/db.sqlite`, `${scratch}/db.sqlite`)
const cache = await startClosureCache({
  bucket, key, flags: [], upstream: 'skip', folder: `${scratch}/spool`, hookFile: `${scratch}/hook`, canonical: `${nix}/store`, database: `${scratch}/db.sqlite`,
  report: text => process.stderr.write(`${text}\n`), wait: ms => new Promise(resolve => setTimeout(resolve, ms)), signal: new AbortController().signal,
})
// Nix has asked for each path before it is built or taken from the bucket.
for (const path of paths) await fetch(`${cache.substituters.urls[0] ?? ''}/${hashPartOf(baseNameOf(path))}.narinfo`).then(answer => answer.arrayBuffer())
cache.watch()
register()
const started = performance.now()
const results = await cache.finish()
const ms = performance.now() - started
await cache.close()
const ends: Record<string, number> = {}
for (const {kind} of results) ends[kind] = (ends[kind] ?? 0) + 1
process.stdout.write(JSON.stringify({ms, sent: sent(), memory: peakMemory(), ends} satisfies SaveFigures))
process.exit()

/** A database like Nix's, without a path. @returns registers the paths at once, as if Nix had just made them */
function emptyDatabase(original: string, copy: string): () => void {
  const db = new DatabaseSync(copy)
  db.exec(`attach '${original}' as nix`)
  for (const {sql} of db.prepare('select sql from nix.sqlite_master where type = \'table\' and name in (\'ValidPaths\', \'Refs\')').all()) db.exec(String(sql))
  db.exec('create index IndexReferrer on Refs(referrer)')
  const wanted = (list: readonly string[]) => JSON.stringify(list)
  return () => {
    db.exec('begin')
    db.prepare('insert into ValidPaths select * from nix.ValidPaths where path in (select value from json_each(?))').run(wanted(paths))
    db.prepare('update ValidPaths set ultimate = iif(path in (select value from json_each(?)), 1, null)').run(wanted(built))
    db.exec('insert into Refs select * from nix.Refs where referrer in (select id from ValidPaths) and reference in (select id from ValidPaths)')
    db.exec('commit')
    db.close()
  }
}

function counting(bucket: Bucket): {bucket: Bucket; sent: () => number} {
  let bytes = 0
  const put: Bucket['put'] = async (key, body, options) => {
    bytes += sizeOf(body)
    return bucket.put(key, body, options)
  }
  return {bucket: {...bucket, put}, sent: () => bytes}
}

function sizeOf(body: Body): number {
  if (body instanceof Uint8Array) return body.length
  if ('file' in body) return fs.statSync(body.file).size
  throw new Error('A stream has no size.')
}
