// Restores a closure out of the bucket, in a process of its own, and prints what it took. Argument: a RestoreOrder as JSON; the
// bucket's secret comes in the environment.
import {s3Bucket} from '../../src/lib/bucket/s3-bucket.ts'
import type {BucketConfig} from '../../src/lib/config-vars.ts'
import {pathsAsFound, type WantedPath} from '../../src/lib/restore/find-paths.ts'
import {restoreTree} from '../../src/lib/restore/restore-tree.ts'
import {parsePublicKey} from '../../src/lib/signing/nix-key.ts'
import {parseRules} from '../../src/lib/slugexclude/parse-rules.ts'
import {peakMemory} from './peak-memory.ts'

export interface RestoreOrder {
  config: Omit<BucketConfig, 'secret'>
  /** `NAME:BASE64` */
  key: string
  /** as a build's record lists them, the largest first */
  paths: WantedPath[]
  /** a .slugexclude; null: none */
  rules: string | null
  /** does not exist yet */
  folder: string
}

export interface RestoreFigures {
  ms: number
  /** microseconds of this process, all of its threads */
  cpu: {user: number; system: number}
  /** bytes of memory, at most */
  memory: number
  files: number
  /** of the files' contents, as written */
  bytes: number
}

const {config, key, paths, rules, folder} = JSON.parse(process.argv[2] ?? '') as RestoreOrder
const bucket = s3Bucket({...config, secret: process.env['NIX_S3_SECRET'] ?? ''})
const started = performance.now()
const found = pathsAsFound(bucket, paths, {trusted: [parsePublicKey(key)]})
const restored = await restoreTree(bucket, found, {folder, rules: rules === null ? null : parseRules(rules)})
const ms = performance.now() - started
bucket.close()
const sum = (figure: 'bytes' | 'files') => restored.reduce((all, one) => all + one[figure], 0)
process.stdout.write(JSON.stringify({ms, cpu: process.cpuUsage(), memory: peakMemory(), files: sum('files'), bytes: sum('bytes')} satisfies RestoreFigures))
