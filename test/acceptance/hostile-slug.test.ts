import {expect} from 'chai'
import {join} from 'node:path'
import {Project} from './support/project.ts'
import {sharedScene, type App} from './support/scene.ts'
import {smallApp} from './support/small-app.ts'

/** What a slug may leave in the shell that runs the build's command. (One that ends the shell ends every dyno of the app.) */
const HOSTILE_PROFILE = `
export PATH=/nowhere LD_PRELOAD=/app/hostile.so BASH_ENV=/app/hostile.sh LD_LIBRARY_PATH=/app IFS=x NIX_CONFIG='substituters = http://127.0.0.1:1/'
export NODE_OPTIONS=--require=/app/hostile.js CURL_HOME=/app SHELLOPTS
curl() { echo hostile curl; exit 1; }
exec() { echo hostile exec; }
eval() { echo hostile eval; }
set() { :; }
trap() { :; }
export -f curl exec eval
alias exec='echo hostile alias'
shopt -s expand_aliases extdebug
set -e
set -u
set -f
trap 'echo hostile trap' DEBUG EXIT ERR
cd /
umask 077
`

describe('the slug that an app runs', function () {
  this.timeout(240_000)
  let app: App

  before(async () => {
    const scene = await sharedScene()
    app = await scene.app('hostile', await Project.of(join(scene.dir, 'hostile'), smallApp()))
    await app.setUp()
  })

  it('cannot hurt the next build, whatever its .profile.d and its store hold', async () => {
    await app.project.change({
      ...smallApp({page: 'Hostile', name: 'hostile-app'}), '.profile.d/zz-hostile.sh': HOSTILE_PROFILE,
      'hostile.js': 'console.log("hostile module"); process.exit(1)\n', 'hostile.sh': 'echo hostile BASH_ENV; curl() { echo hostile; exit 1; }\n',
      '.curlrc': 'url = "http://127.0.0.1:1/hostile"\n',
    })
    await app.heroku('nix:build', '--size=performance-l')
    await app.tryHeroku('nix:redeploy')
    const hostile = (await app.releases()).at(-1)
    expect(hostile?.slug).to.not.equal(null)

    await app.project.change({...smallApp({page: 'Kind again', name: 'kind-app'}), '.profile.d/zz-hostile.sh': '\n'})
    const {stdout} = await app.heroku('nix:build', '--size=performance-l')
    // What the slug's own shell printed before the build began is its own business.
    expect(stdout.slice(stdout.indexOf('----->'))).to.not.include('hostile ')
    await app.heroku('nix:redeploy')
    expect(await app.page()).to.deep.equal({status: 200, text: 'Kind again\n'})
  })
})
