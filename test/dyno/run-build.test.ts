import {expect} from 'chai'
import {interrupted} from '../../src/dyno/build/describe-failure.ts'
import {runBuild, type BuildEdges} from '../../src/dyno/build/run-build.ts'
import type {Bucket} from '../../src/lib/bucket/bucket.ts'
import {recordStore} from '../../src/lib/build/record-store.ts'
import {verifyRecord} from '../../src/lib/build/signed-text.ts'
import type {NixConfig} from '../../src/lib/config-vars.ts'
import {EXIT, NixError} from '../../src/lib/errors.ts'
import {formatSecretKey} from '../../src/lib/signing/nix-key.ts'
import {memoryBucket} from '../lib/bucket/memory-bucket.ts'
import {KEY, PENDING, SUCCEEDED} from '../lib/build/records.ts'

const ID = PENDING.id
const CONFIG: NixConfig = {
  appName: 'example-app', signingKey: formatSecretKey(KEY), buildFlags: '', engine: 'auto', cacheUpstream: 'copy', cacheTainted: 'own',
  bucket: {bucket: 'example-bucket', key: 'AKIAEXAMPLE', secret: 's3cr3t-value', region: 'eu-west-1', endpoint: null},
}
const DOWN = new NixError('Bucket example-bucket cannot be reached.', {code: 'BUCKET_UNREACHABLE', exit: EXIT.unavailable})

/** A pending build in a bucket in memory; `isDown` says which writes fail. */
async function world({isDown = () => false, ...change}: Partial<BuildEdges> & {isDown?: (key: string) => boolean} = {}) {
  const memory = memoryBucket()
  await recordStore(memory, 'example-app').create(PENDING)
  const refuse = () => Promise.reject(new Error('not asked for'))
  const bucket: Bucket = {
    ...memory, head: refuse, stream: refuse, fill: refuse, delete: refuse, touch: refuse, presign: refuse,
    put: (key, body, options) => isDown(key) ? Promise.reject(DOWN) : memory.put(key, body, options),
  }
  let stdout = ''
  const edges: BuildEdges = {
    bucket, now: () => new Date('2026-11-23T09:30:10.000Z'), nonce: 'nonce', interruption: new AbortController().signal,
    stdout: text => {
      stdout += Buffer.from(text).toString()
    },
    wait: () => Promise.resolve(),
    build: async ({output}) => {
      await output.detail(Buffer.from('building with s3cr3t-value\n'))
      return SUCCEEDED.outcome
    },
    ...change,
  }
  const variables = {DYNO: 'run.1234', NIX_S3_KEY: 'AKIAEXAMPLE', NIX_S3_SECRET: 's3cr3t-value', NIX_SIGNING_KEY: CONFIG.signingKey}
  return {
    run: () => runBuild(ID, CONFIG, variables, edges),
    record: async () => (await recordStore(memory, 'example-app').require(ID)).record,
    log: () => [...memory.objects].filter(([key]) => key.includes('/log/')).map(([, bytes]) => bytes.toString()).join(''),
    stdout: () => stdout,
    pointers: () => [...memory.objects.keys()].flatMap(key => /\/(trees|commits|newest)(?=\/|$)/.exec(key)?.[1] ?? []).sort(),
  }
}

describe('runBuild', () => {
  it('signs the record of what was made, after the log is whole, and then points to it', async () => {
    const {run, record, log, pointers} = await world()
    expect(await run()).to.equal(0)
    const finished = await record()
    if (finished.state !== 'succeeded') {
      throw new Error(finished.state)
    }

    verifyRecord(finished, {app: 'example-app', id: ID, key: KEY.publicKey})
    expect(finished).to.deep.include({claim: {dyno: 'run.1234', nonce: 'nonce', claimedAt: '2026-11-23T09:30:10.000Z'}, logSegments: 1})
    expect(log()).to.equal('       building with [hidden]\n-----> Signing the build\'s record\n')
    // The tree's newest build, its newest with these flags, the commit's, the app's.
    expect(pointers()).to.deep.equal(['commits', 'newest', 'trees', 'trees'])
  })

  it('leaves a build alone that another dyno has', async () => {
    const {run, stdout, record} = await world()
    await run()
    const before = await record()
    expect(await run()).to.equal(EXIT.declined)
    expect(stdout()).to.match(/ ! {5}Build 20261123-093000-ab12 is succeeded already by dyno run\.1234: this dyno has nothing to do\.\n$/)
    expect(await record()).to.deep.equal(before)
  })

  it('records a failure and points to nothing', async () => {
    const {run, record, pointers} = await world({build: () => Promise.reject(new NixError('No default.nix.', {code: 'NO_DEFAULT_NIX', exit: EXIT.project}))})
    expect(await run()).to.equal(EXIT.project)
    expect(await record()).to.deep.include({state: 'failed', failure: {code: 'NO_DEFAULT_NIX', message: 'No default.nix.', exitStatus: null, suggestions: []}})
    expect(pointers()).to.deep.equal([])
  })

  it('hides a secret in an unexpected error', async () => {
    const {run, record, stdout} = await world({build: () => Promise.reject(new Error('bad s3cr3t-value'))})
    expect(await run()).to.equal(EXIT.unexpected)
    expect(JSON.stringify(await record()) + stdout()).to.include('bad [hidden]').and.not.to.include('s3cr3t-value')
  })

  it('marks what was interrupted, even if the work does not end by itself', async () => {
    const stop = new AbortController()
    const {run, record, log} = await world({
      interruption: stop.signal,
      build: () => {
        stop.abort(interrupted())
        return new Promise(() => undefined)
      },
    })
    expect(await run()).to.equal(EXIT.buildLost)
    expect(await record()).to.have.property('state', 'interrupted')
    expect(log()).to.include('The dyno was told to stop (SIGTERM)')
  })

  it('calls interrupted what failed because it was told to stop', async () => {
    const stop = new AbortController()
    const {run, record} = await world({
      interruption: stop.signal,
      build: () => {
        stop.abort(interrupted())
        return Promise.reject(new Error('nix-build was killed'))
      },
    })
    await run()
    expect(await record()).to.have.property('state', 'interrupted')
  })

  it('says on standard output what a bucket that is down cannot be told, and fails', async () => {
    let isDown = false
    const {run, record, stdout} = await world({
      isDown: () => isDown,
      build: () => {
        isDown = true
        return Promise.resolve(SUCCEEDED.outcome)
      },
    })
    expect(await run()).to.equal(EXIT.unavailable)
    expect(stdout()).to.include(' !     The bucket could not be told: Bucket example-bucket cannot be reached.\n')
    expect(await record()).to.have.property('state', 'running')
  })

  it('leaves a succeeded build succeeded when its pointers cannot be written, and says how to use it', async () => {
    const {run, record, stdout} = await world({isDown: key => key.includes('/trees/')})
    expect(await run()).to.equal(EXIT.unavailable)
    expect(await record()).to.have.property('state', 'succeeded')
    expect(stdout()).to.include(`Try: heroku nix:redeploy --build ${ID}`)
  })
})
