import {expect} from 'chai'
import type {BuildHarness} from '../builds/harness.ts'
import {IMAGE_TIMEOUT, SHOWING, startBuildHarness} from '../builds/harness.ts'
import {workingCopy} from './repository.ts'

describe('git push', function () {
  this.timeout(60_000)
  let builds: BuildHarness
  let showing: string

  before(async function () {
    this.timeout(IMAGE_TIMEOUT)
    builds = await startBuildHarness()
    showing = await builds.buildpack('showing', SHOWING)
  })
  after(() => builds[Symbol.asyncDispose]())

  it('works', async () => {
    const app = await builds.createApp([showing])
    const copy = await workingCopy(builds, app)
    await copy.commit({Showfile: ''})
    const r = await copy.push('heroku', 'main')
    console.log(r, builds.heroku.complaints)
    expect(r.code).to.equal(0)
  })
})
