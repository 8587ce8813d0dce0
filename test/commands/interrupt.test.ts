import {expect} from 'chai'
import {once} from 'node:events'
import {text} from 'node:stream/consumers'
import NixBuild from '../../src/commands/nix/build.ts'
import NixSetup from '../../src/commands/nix/setup.ts'
import {recordStore} from '../../src/lib/build/record-store.ts'
import {playClaim, playLog} from './play-dyno.ts'
import {releaseSlug} from './release-slug.ts'
import {useWorld} from './world.ts'

describe('Ctrl-C while a build is shown', function () {
  this.timeout(60_000)
  const world = useWorld()

  it('leaves the build alone and says how to come back (in the real CLI, with dist/ as it was built)', async () => {
    const {standin, run, bucket} = world()
    const {s3} = standin.line
    await standin.createApp('shown')
    await run(NixSetup, ['--app=shown', `--bucket=${s3.bucket}`, `--endpoint=${s3.endpoint}`, `--key=${s3.key}`, '--confirm=shown', '--secret-stdin'], {input: s3.secret})
    await releaseSlug(standin, 'shown', {'.profile.d/slow.sh': 'sleep 60\n'})
    const {build, dyno} = (await run(NixBuild, ['--app=shown', '--detach'])).result as {build: string; dyno: string}
    await playClaim(bucket, {app: 'shown', build}, dyno)
    await playLog(bucket, {app: 'shown', build}, 1, '-----> one\n')

    await standin.linkPlugin()
    const cli = standin.spawnHeroku(['nix:build', '--app=shown', `--follow=${build}`])
    const complaints = text(cli.stderr)
    const closed = once(cli, 'close')
    expect(String((await once(cli.stdout, 'data'))[0])).to.equal('-----> one\n')
    cli.kill('SIGINT')
    expect((await closed)[0]).to.equal(130)
    expect(await complaints).to.include(`The build goes on. Its log again: heroku nix:build --app shown --follow ${build}`)
    expect((await recordStore(bucket, 'shown').require(build)).record.state).to.equal('running')
  })
})
