// Serves a bucket with one build for each scenario until its standard input ends. The first argument is a folder for it,
// the next two are the commit and the tree that are going to be pushed. Writes the config vars, one file each, below FOLDER/env.
import {chmod, mkdir, symlink, writeFile} from 'node:fs/promises'
import {randomBytes} from 'node:crypto'
import path from 'node:path'
import {s3Bucket} from '../../../src/lib/bucket/s3-bucket.ts'
import {formatSecretKey} from '../../../src/lib/signing/nix-key.ts'
import {startBucket} from '../../../standin/bucket/bucket-server.ts'
import {startFaultProxy} from '../../../standin/bucket/fault-proxy.ts'
import {KEY, putBuild, scenarios} from './builds.ts'

const [folder = '', commit = '', tree = ''] = process.argv.slice(2)
const view = path.join(folder, 'view')
const result = path.join(view, `${'a'.repeat(32)}-hello`)
const library = path.join(view, `${'b'.repeat(32)}-library`)
await Promise.all([mkdir(path.join(result, 'bin'), {recursive: true}), mkdir(path.join(library, 'share'), {recursive: true}), mkdir(path.join(folder, 'env'))])
// More than one gzip member, and not one byte that compression could save.
await writeFile(path.join(library, 'share/data'), randomBytes(3 << 20))
await writeFile(path.join(library, 'hello'), '#!/bin/sh\necho hello\n')
await chmod(path.join(library, 'hello'), 0o755)
await symlink(`/app/.nixs/${'b'.repeat(32)}-library/hello`, path.join(result, 'bin/hello'))

await mkdir(path.join(folder, 'outside'))
await writeFile(path.join(folder, 'outside/file'), 'untouched')

const server = await startBucket({dir: path.join(folder, 'bucket'), port: 0, bucket: 'builds', region: 'eu-west-1', credentials: {key: 'KEY', secret: String.raw`sec"ret\+/=`}})
const proxy = await startFaultProxy({target: server.endpoint})
const bucket = s3Bucket({...server, endpoint: server.endpoint})
for (const [index, [app, scenario]] of Object.entries(scenarios({commit, tree})).entries()) {
  const layer = new RegExp(await putBuild(bucket, {app, view, scenario, index}))
  if (app === 'breaking') proxy.inject({path: layer, times: Infinity, effect: {kind: 'reset-response', afterBytes: 1 << 20}})
  if (app === 'breaking-once') proxy.inject({path: layer, effect: {kind: 'reset-response', afterBytes: 1 << 20}})
  if (app === 'expired') proxy.inject({path: /apps\/expired\//, times: Infinity, effect: {kind: 'status', status: 403, body: '<Error><Code>ExpiredToken</Code></Error>'}})
  if (app === 'denied') proxy.inject({path: layer, times: Infinity, effect: {kind: 'status', status: 403}})
}

bucket.close()
const vars = {
  NIX_S3_KEY: server.key, NIX_S3_SECRET: server.secret, NIX_S3_BUCKET: server.bucket, NIX_S3_REGION: server.region,
  NIX_S3_ENDPOINT: proxy.endpoint, NIX_SIGNING_KEY: formatSecretKey(KEY),
}
await Promise.all(Object.entries(vars).map(([name, value]) => writeFile(path.join(folder, 'env', name), value)))
await writeFile(path.join(folder, 'ready'), '')
console.log('ready')
process.stdin.resume().on('end', () => process.exit(0))
