import {expect} from 'chai'
import NixCacheGc from '../../src/commands/nix/cache/gc.ts'
import {keys} from '../../src/lib/bucket/keys.ts'
import {recordStore} from '../../src/lib/build/record-store.ts'
import NixRedeploy from '../../src/commands/nix/redeploy.ts'
import {startFaultProxy} from '../../standin/bucket/fault-proxy.ts'
import {SERVER, stepsIn} from './steps.ts'
import {useWorld} from './world.ts'

const HOUR = 3_600_000

describe('nix:cache:gc', function () {
  this.timeout(60_000)
  const world = useWorld()
  const {setUp, build} = stepsIn(world)

  /** Runs the command some hours later than it is. */
  const gc = (hours: number, ...args: string[]) => {
    class Later extends NixCacheGc {
      protected override now = () => new Date(Date.now() + hours * HOUR)
    }
    return world().run(Later, args)
  }

  const builds = async (app: string) => {
    const ids: string[] = []
    for await (const id of recordStore(world().bucket, app).ids()) ids.push(id)
    return ids
  }

  it('shows what would go and what stays, and with --dry-run that is all', async () => {
    await setUp('dry')
    const [first, second] = [await build('dry', `# one\n${SERVER}`), await build('dry', `# two\n${SERVER}`)]
    const {error, result, stdout, stderr} = await gc(72, '--app=dry', '--keep=1', '--dry-run')
    expect(error).to.equal(null)
    expect(stdout.split('\n').slice(0, 2)).to.deep.equal(['Of dry this build stays, with all that it needs:', `  ${second}  one of the newest that succeeded`])
    expect(stdout).to.include(`This build goes:\n  ${first}\n`).and.to.match(/^ {2}builds +\d+ +[\d.]+ k?B$/m).and.to.match(/^ {2}all +\d+ +/m)
    expect(stderr).to.include('Nothing was deleted. Next: heroku nix:cache:gc --app dry --keep 1')
    expect(result).to.deep.include({app: 'dry', builds: [first], kept: [{build: second, reason: 'newest', by: null}], swept: null})
    expect(await builds('dry')).to.have.members([first, second])
  })

  it('deletes when that is confirmed, and keeps what is released', async () => {
    await setUp('swept')
    const [first, second, third] = [await build('swept', `# one\n${SERVER}`), await build('swept', `# two\n${SERVER}`), await build('swept', `# three\n${SERVER}`)]
    const released = await world().run(NixRedeploy, ['--app=swept', `--build=${first}`])
    expect(released.error, JSON.stringify(released.error)).to.equal(null)
    const {error, result, stderr} = await gc(72, '--app=swept', '--keep=1', '--confirm=swept')
    expect(error).to.equal(null)
    expect(stderr).to.match(/Sweeping bucket \S+\.\.\. deleted \d+ objects?, [\d.]+ k?B/)
    expect(result).to.deep.include({
      builds: [second], kept: [{build: third, reason: 'newest', by: null}, {build: first, reason: 'released', by: `v${(released.result as {version: number}).version}`}],
    })
    expect(await builds('swept')).to.have.members([first, third])
    const again = await world().run(NixRedeploy, ['--app=swept', `--build=${first}`, '--force'])
    expect(again.error).to.equal(null)
    const nothing = await gc(72, '--app=swept', '--keep=1', '--confirm=swept')
    expect(nothing.stdout).to.include('There is nothing to delete.')
    expect(nothing.result).to.deep.include({swept: null})
  })

  it('keeps what an app released that shares these builds', async () => {
    const {standin, bucket} = world()
    await setUp('staging')
    await setUp('production')
    const vars = await standin.api<Record<string, string>>('GET', '/apps/staging/config-vars')
    await standin.api('PATCH', '/apps/production/config-vars', {NIX_APP_NAME: 'staging', NIX_SIGNING_KEY: vars.body['NIX_SIGNING_KEY']})
    const first = await build('staging', `# one\n${SERVER}`)
    expect((await world().run(NixRedeploy, ['--app=production', `--build=${first}`])).error).to.equal(null)
    expect((await bucket.read(keys.released('staging', 'production'), {maxBytes: 1000}))?.bytes.toString()).to.equal(`${first}\n`)
    await build('staging', `# two\n${SERVER}`)
    const {result} = await gc(72, '--app=staging', '--keep=1', '--dry-run')
    expect((result as {kept: unknown[]}).kept).to.deep.include({build: first, reason: 'released', by: 'production'})
  })

  it('gives all of it as JSON, and nothing else', async () => {
    await setUp('jsoned')
    const only = await build('jsoned', `# one\n${SERVER}`)
    const {stdout, stderr} = await gc(72, '--app=jsoned', '--json', '--confirm=jsoned')
    const {swept, ...rest} = JSON.parse(stdout) as {swept: unknown}
    expect(rest).to.deep.include({app: 'jsoned', kept: [{build: only, reason: 'newest', by: null}], builds: []})
    expect(swept === null || typeof swept === 'object').to.equal(true)
    expect(stderr).to.equal('')
  })

  it('ends with an error, not half a deletion, where the bucket answers 503, and goes on next time', async () => {
    await setUp('busy')
    const first = await build('busy', `# one\n${SERVER}`)
    const second = await build('busy', `# two\n${SERVER}`)
    const {standin, bucket} = world()
    const faults = await startFaultProxy({target: standin.line.s3.endpoint})
    try {
      await standin.api('PATCH', '/apps/busy/config-vars', {NIX_S3_ENDPOINT: faults.endpoint})
      faults.inject({method: 'POST', path: /[?&]delete/, times: Infinity, effect: {kind: 'status', status: 503}})
      const {error} = await gc(72, '--app=busy', '--keep=1', '--confirm=busy')
      expect([error?.code, error?.exit]).to.deep.equal(['BUCKET_BUSY', 8])
      expect((await bucket.read(keys.sweep, {maxBytes: 1000}))?.bytes.toString()).to.include('"done"')
      await faults.clear()
      // The answer to the first deletion is lost, and it is sent again.
      faults.inject({method: 'POST', path: /[?&]delete/, times: 1, effect: {kind: 'lose-response'}})
      expect((await gc(72, '--app=busy', '--keep=1', '--confirm=busy')).error).to.equal(null)
      expect(await builds('busy')).to.deep.equal([second])
    } finally {
      await faults.close()
    }

    expect(first).not.to.equal(second)
  })

  const refusals: [args: string[], code: string, exit: number][] = [
    [['--keep=0'], 'BAD_COUNT', 2], [['--keep=-1'], 'BAD_COUNT', 2], [['--keep=many'], 'BAD_COUNT', 2], [['--keep-pushes=1.5'], 'BAD_COUNT', 2],
    [['--confirm=other'], 'WRONG_CONFIRMATION', 2],
  ]
  for (const [args, code, exit] of refusals) {
    it(`refuses ${args.join(' ')}`, async () => {
      await world().standin.createApp(`r${args[0]?.replaceAll(/\W/g, '') ?? ''}`).catch(() => undefined)
      const {error} = await world().run(NixCacheGc, [`--app=r${args[0]?.replaceAll(/\W/g, '') ?? ''}`, ...args])
      expect([error?.code, error?.exit]).to.deep.equal([code, exit])
    })
  }

  it('asks for --confirm where there is nobody to ask, and deletes nothing', async () => {
    await setUp('unasked')
    const ids = [await build('unasked', `# one\n${SERVER}`), await build('unasked', `# two\n${SERVER}`)]
    const {error} = await gc(72, '--app=unasked', '--keep=1')
    expect([error?.code, error?.exit, error?.suggestions]).to.deep.equal(['CONFIRMATION_NEEDED', 2, ['heroku nix:cache:gc --app unasked --confirm unasked']])
    expect(await builds('unasked')).to.have.members(ids)
  })
})
