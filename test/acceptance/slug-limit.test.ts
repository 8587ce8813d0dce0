import {expect} from 'chai'
import {join} from 'node:path'
import {Project} from './support/project.ts'
import {sharedScene} from './support/scene.ts'
import {smallApp} from './support/small-app.ts'

describe('a slug over the limit', function () {
  this.timeout(400_000)

  it('is refused before anything large moves, with what to do', async () => {
    const scene = await sharedScene()
    const app = await scene.app('too-large', await Project.of(join(scene.dir, 'too-large'), smallApp({
      name: 'too-large', script: 'mkdir -p $out; head -c 525M /dev/urandom > $out/data',
    })))
    await app.setUp()
    await app.heroku('nix:build', '--size=performance-l')
    const {exitCode, text} = await app.tryHeroku('nix:redeploy')
    expect(exitCode, text).to.equal(9)
    expect(text).to.include('at most 500M').and.to.include('.slugexclude')
    expect(await app.requests('POST', '/slugs')).to.deep.equal([])
  })
})
