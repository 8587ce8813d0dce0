import {expect} from 'chai'
import {rm, writeFile} from 'node:fs/promises'
import path from 'node:path'
import NixBuild from '../../src/commands/nix/build.ts'
import NixRedeploy from '../../src/commands/nix/redeploy.ts'
import {keys} from '../../src/lib/bucket/keys.ts'
import {recordStore} from '../../src/lib/build/record-store.ts'
import {playSuccess} from './play-dyno.ts'
import {SERVER, stepsIn} from './steps.ts'
import {useWorld} from './world.ts'

interface Result {
  build: string
  slug: string
  version: number
  reused: string | null
  uploaded: number
  via: string | null
  url: string
  processes: {type: string; command: string; quantity: number}[]
}

describe('nix:redeploy', function () {
  this.timeout(60_000)
  const world = useWorld()

  const {setUp, signingKey, build, posts} = stepsIn(world)

  const redeploy = async (app: string, ...flags: string[]) => {
    const ran = await world().run(NixRedeploy, [`--app=${app}`, ...flags])
    return {...ran, result: ran.result as Result | null}
  }

  const commit = async (name: string, content: string) => {
    await writeFile(path.join(world().project, name), content)
    world().git('add', '--all')
    world().git('commit', '--quiet', '--message', name)
  }

  it('releases the build of HEAD, serves it, and then copies nothing', async () => {
    await setUp('page')
    const id = await build('page')
    const {error, result, stderr, stdout} = await redeploy('page')
    expect(error).to.equal(null)
    expect(stdout).to.equal('')
    expect(result).to.deep.include({build: id, reused: null, via: 'local'})
    expect(result?.processes.map(({type, command}) => `${type}: ${command}`)).to.deep.equal(['web: run_result.sh bin/hello'])
    expect(stderr).to.match(/The slug has [\d.]+ kB; \d+ B come from the bucket, [\d.]+ kB go to Heroku/)
    expect(stderr).to.include(`page runs v${result?.version ?? ''} at ${result?.url ?? ''}`)
    expect(await (await fetch(result?.url ?? '')).text()).to.equal('hello')

    const again = await redeploy('page')
    expect(again.result).to.deep.include({slug: result?.slug, version: result?.version, reused: 'release', uploaded: 0})
    expect(again.stderr).to.include(`It is released already, as v${result?.version ?? ''}.`)
    const forced = await redeploy('page', '--force')
    expect(forced.result).to.deep.include({slug: result?.slug, version: (result?.version ?? 0) + 1, reused: 'slug', uploaded: 0})
    expect(await posts('/slugs')).to.equal(1)
  })

  it('goes back to an older build with its slug, when the app still has it', async () => {
    await setUp('back')
    const first = await build('back')
    const old = await redeploy('back')
    await commit('change.txt', 'one')
    await build('back')
    const newer = await redeploy('back')
    expect(newer.result).to.deep.include({reused: null})
    const {result, error} = await redeploy('back', `--build=${first}`)
    expect(error).to.equal(null)
    expect(result).to.deep.include({build: first, slug: old.result?.slug, reused: 'slug', uploaded: 0})
    expect(await posts('/slugs')).to.equal(2)
  })

  it('says before it releases what could not be rewritten in the slug, and what to do about it', async () => {
    await setUp('left')
    const {result: ordered} = await world().run(NixBuild, ['--app=left', '--force', '--detach'])
    const {build: id} = ordered as {build: string}
    const unrewritten = [{path: `/nix/store/${'a'.repeat(32)}-hello`, file: 'share/man.gz', inside: ['a/text'], offset: 12}]
    await playSuccess(world().bucket, {app: 'left', build: id, signingKey: await signingKey('left'), program: SERVER, unrewritten})
    const {error, stderr} = await redeploy('left')
    expect(error).to.equal(null)
    const text = stderr.replaceAll(/\s*›?\s+/g, ' ')
    expect(text).to.include('1 file in the slug holds /nix/store/').and.to.include(`${'a'.repeat(32)}-hello/share/man.gz > a/text @ 12`).and.to.include('.slugexclude')
    expect(text.indexOf('1 file in the slug')).to.be.below(text.indexOf('The slug has'))
  })

  it('takes the newest build when HEAD was not built, and says so', async () => {
    await setUp('behind')
    const id = await build('behind')
    await commit('later.txt', 'later')
    const {result, stderr} = await redeploy('behind')
    expect(result).to.deep.include({build: id})
    expect(stderr.replaceAll(/\s*›?\s+/g, ' ')).to.include(`was not built; taking the newest build, ${id} of commit`)
  })

  it('shows the release phase and goes on when it succeeds', async () => {
    await setUp('phase')
    await commit('Procfile', 'web: run_result.sh bin/hello\nrelease: echo migrating\n')
    await build('phase')
    const {error, stdout, result} = await redeploy('phase')
    expect(error).to.equal(null)
    expect(stdout).to.include('migrating\n')
    expect(result?.processes.map(({type}) => type).sort()).to.deep.equal(['release', 'web'])
  })

  it('fails when the release phase does', async () => {
    await setUp('phasefails')
    await commit('Procfile', 'web: run_result.sh bin/hello\nrelease: echo no table; exit 3\n')
    await build('phasefails')
    const {error, stdout} = await redeploy('phasefails')
    expect(stdout).to.include('no table\n')
    expect([error?.code, error?.exit]).to.deep.equal(['RELEASE_FAILED', 9])
    expect(error?.message).to.match(/^The release phase of v\d+ failed; phasefails goes on with the release before\.$/)
    await rm(path.join(world().project, 'Procfile'))
    world().git('commit', '--quiet', '--all', '--message', 'no Procfile')
  })

  it('fails when a web dyno crashes', async () => {
    await setUp('crash')
    await build('crash', 'echo no port; exit 1\n')
    const {error} = await redeploy('crash')
    expect([error?.code, error?.exit, error?.suggestions[0]]).to.deep.equal(['WEB_CRASHED', 9, 'heroku logs --app crash'])
    expect(error?.message).to.match(/^v\d+ was released, but its dyno web\.1 crashed\.$/)
  })

  it('finds the release whose answer was lost, and makes no second one', async () => {
    await setUp('lostanswer')
    await build('lostanswer')
    const {standin} = world()
    await standin.inject({kind: 'reset', method: 'POST', route: '/apps/*/releases', when: 'after'})
    const {error, result} = await redeploy('lostanswer')
    expect(error).to.equal(null)
    expect(await posts('/releases')).to.equal(1)
    const {body: releases} = await standin.api<{slug: {id: string} | null}[]>('GET', '/apps/lostanswer/releases')
    expect(releases.filter(({slug}) => slug?.id === result?.slug)).to.have.length(1)
  })

  it('uploads again when the upload breaks', async () => {
    await setUp('brokenput')
    await build('brokenput')
    await world().standin.inject({kind: 'reset', method: 'PUT', route: '/blobs/*', when: 'before'})
    const {error} = await redeploy('brokenput')
    expect(error).to.equal(null)
  })

  it('refuses an app with other buildpacks, naming them, unless told otherwise', async () => {
    await setUp('mixed')
    await build('mixed')
    const {standin} = world()
    const {body} = await standin.api<{buildpack: {url: string}}[]>('GET', '/apps/mixed/buildpack-installations')
    await standin.api('PUT', '/apps/mixed/buildpack-installations', {updates: [{buildpack: 'heroku/nodejs'}, ...body.map(({buildpack}) => ({buildpack: buildpack.url}))]})
    const {error} = await redeploy('mixed')
    expect([error?.code, error?.exit]).to.deep.equal(['OTHER_BUILDPACKS', 9])
    expect(error?.message).to.match(/^mixed has other buildpacks as well \([^)]*heroku\/nodejs\); what they add would not be in this slug\.$/)
    expect((await redeploy('mixed', '--only-nix')).error).to.equal(null)
  })

  it('refuses a record that another key signed', async () => {
    await setUp('forged')
    await build('forged', SERVER, await signingKey('page'))
    const {error} = await redeploy('forged')
    expect([error?.code, error?.exit]).to.deep.equal(['BAD_SIGNATURE', 10])
    expect(await posts('/slugs')).to.equal(0)
  })

  it('refuses a layer and a source that are not those that were signed', async () => {
    await setUp('tampered')
    const id = await build('tampered')
    const {bucket} = world()
    const {record} = await recordStore(bucket, 'tampered').require(id)
    if (record.state !== 'succeeded') throw new Error(record.state)
    const {layer} = record.outcome
    const whole = await bucket.read(layer.key, {maxBytes: 1e6})
    const changed = Buffer.from(whole?.bytes ?? '')
    changed[changed.length - 20] = (changed[changed.length - 20] ?? 0) ^ 1
    await bucket.put(layer.key, changed)
    const other = await redeploy('tampered')
    expect([other.error?.code, other.error?.exit]).to.deep.equal(['BAD_SLUG_PART', 10])
    await bucket.put(layer.key, whole?.bytes ?? changed)

    const forged = keys.source('tampered', record.source.tree)
    const stolen = await bucket.read(keys.source('behind', world().git('rev-parse', 'HEAD~4^{tree}')), {maxBytes: 1e6})
    expect(stolen).to.not.equal(null)
    await bucket.put(forged, stolen?.bytes ?? changed)
    const source = await redeploy('tampered')
    expect([source.error?.code, source.error?.exit]).to.deep.equal(['WRONG_DIGEST', 10])
    expect(await posts('/releases')).to.equal(0)
  })

  it('refuses a slug over the limit before anything large is copied', async () => {
    await setUp('huge')
    const {run, bucket} = world()
    const {build: id} = (await run(NixBuild, ['--app=huge', '--force', '--detach'])).result as {build: string}
    await playSuccess(bucket, {app: 'huge', build: id, signingKey: await signingKey('huge'), layerSize: 600 * 1024 * 1024})
    const {error, stderr} = await redeploy('huge')
    expect([error?.code, error?.exit]).to.deep.equal(['SLUG_TOO_LARGE', 9])
    expect(error?.message).to.match(/^The slug has 600\.\dM .* Heroku takes at most 500M\.$/)
    expect(stderr).to.not.include('Fetching the layer')
    expect(await posts('/slugs')).to.equal(0)
  })

  it('says what is wrong with other rules before it starts a dyno', async () => {
    const {project} = world()
    await writeFile(path.join(project, 'rules'), '*.a\n- \n')
    const {error} = await redeploy('page', '--slugexclude=rules')
    expect([error?.code, error?.exit, error?.message]).to.deep.equal(['BAD_SLUGEXCLUDE', 4, 'rules line 2, column 3: a pattern must follow "- ".'])
    expect(await posts('/dynos')).to.equal(0)
    await rm(path.join(project, 'rules'))
  })

  it('says that a file of rules cannot be read', async () => {
    const {error} = await redeploy('page', '--slugexclude=nowhere')
    expect([error?.code, error?.exit, error?.message]).to.deep.equal(['UNREADABLE_FILE', 2, '--slugexclude names nowhere, which cannot be read: ENOENT.'])
  })

  it('says that nothing was built yet', async () => {
    await setUp('unbuilt')
    const {error} = await redeploy('unbuilt')
    expect(error).to.deep.equal({message: 'No build of unbuilt has succeeded yet.', code: 'NO_BUILD', exit: 3, suggestions: ['heroku nix:build --app unbuilt']})
  })

  it('says that a build has not succeeded', async () => {
    const {result} = await world().run(NixBuild, ['--app=unbuilt', '--force', '--detach'])
    const {build: id} = result as {build: string}
    const {error} = await redeploy('unbuilt', `--build=${id}`)
    expect([error?.code, error?.message]).to.deep.equal(['BUILD_NOT_SUCCEEDED', `Build ${id} has not succeeded: it is pending.`])
  })

  it('printed no secret and no signed URL in all of this', async () => {
    const {standin, printed} = world()
    const secrets = [standin.line.s3.secret, standin.line.s3.key, standin.line.token, (await signingKey('page')).split(':')[1] ?? 'missing', 'Signature=', '/blobs/', '/streams/']
    expect(secrets.filter(secret => printed().includes(secret))).to.deep.equal([])
  })
})
