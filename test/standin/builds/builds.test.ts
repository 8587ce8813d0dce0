import {expect} from 'chai'
import type {BuildHarness} from './harness.ts'
import {IMAGE_TIMEOUT, SHOWING, startBuildHarness} from './harness.ts'

describe('builds', function () {
  this.timeout(60_000)
  let builds: BuildHarness

  before(async function () {
    this.timeout(IMAGE_TIMEOUT)
    builds = await startBuildHarness()
  })
  after(() => builds[Symbol.asyncDispose]())

  it('run', async () => {
    const {heroku} = builds
    const app = await builds.createApp([await builds.buildpack('showing', SHOWING)])
    const {build, output} = await builds.build(app, {Showfile: '', Procfile: 'web: ./x\n', '.slugignore': '*.psd\n', 'a/b.psd': ''})
    console.log(output, build, heroku.complaints)
    expect(build.status).to.equal('succeeded')
  })
})
