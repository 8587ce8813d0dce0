import {expect} from 'chai'
import type {Harness, Json} from './harness.ts'
import {expectStatus, startHarness, until, upload, makeSlug} from './harness.ts'
import {loadSchema, SCHEMA_FILE} from './schema.ts'

describe('answers and Heroku\'s published schema', () => {
  it('are in accord on every route', async function () {
    const validate = loadSchema()
    if (!validate) {
      console.log(`      skipped: there is no ${SCHEMA_FILE}, and HEROKU_PLATFORM_SCHEMA names no other.`)
      this.skip()
    }

    await using heroku = await startHarness()
    const seen: string[] = []
    const wrong: string[] = []
    const call = async <T = Json>(status: number, method: string, path: string, body?: unknown): Promise<T> => {
      const reply = await expectStatus(status, heroku.api<T>(method, path, body))
      const verdict = validate(method, path, reply.body)
      seen.push(`${method} ${path} ${verdict.kind}`)
      if (verdict.kind === 'invalid') wrong.push(`${method} ${path}: ${verdict.errors} in ${JSON.stringify(reply.body).slice(0, 1000)}`)
      return reply.body
    }

    await driveEveryRoute(heroku, call)
    expect(wrong, 'answers that the schema does not allow').to.deep.equal([])
    expect(seen.filter(line => line.endsWith(' unknown')), 'routes that the schema does not have').to.deep.equal([])
    expect(seen.length).to.be.greaterThan(50)
  })
})

type Caller = <T = Json>(status: number, method: string, path: string, body?: unknown) => Promise<T>

async function driveEveryRoute(heroku: Harness, call: Caller): Promise<void> {
  const app = '/apps/schema-app'
  const account = await call<{id: string}>(200, 'GET', '/account')
  await call(200, 'GET', `/users/${account.id}`)
  await call(200, 'GET', '/account/rate-limits')
  await call(200, 'GET', '/regions')
  await call(200, 'GET', '/regions/eu')
  await call(200, 'GET', '/stacks')
  await call(200, 'GET', '/stacks/heroku-24')
  await call(200, 'GET', '/dyno-sizes')
  await call(200, 'GET', '/dyno-sizes/standard-1x')

  await call(201, 'POST', '/apps', {name: 'schema-app', region: 'eu'})
  await call(200, 'GET', '/apps')
  await call(200, 'GET', '/users/~/apps')
  await call(200, 'GET', app)
  await call(200, 'PATCH', app, {maintenance: false})
  for (const below of ['available-stacks', 'available-dyno-sizes', 'collaborators', 'addons', 'formation', 'releases', 'config-vars', 'dynos']) {
    await call(200, 'GET', `${app}/${below}`)
  }

  await call(200, 'PATCH', `${app}/config-vars`, {GREETING: 'hi', GONE: null})
  await call(200, 'GET', `${app}/releases/3/config-vars`)
  await call(200, 'PUT', `${app}/buildpack-installations`, {updates: [{buildpack: 'heroku/nodejs'}, {buildpack: 'https://example.com/b.git'}]})
  await call(200, 'GET', `${app}/buildpack-installations`)
  await call(200, 'GET', `${app}/build-metadata`)

  const process_types = {web: 'sleep 100', worker: 'sleep 100', release: 'echo migrated'}
  const slug = await call<{id: string; blob: {url: string}}>(201, 'POST', `${app}/slugs`, {process_types, commit: 'c0ffee', stack: 'heroku-24'})
  await upload(slug.blob.url, await makeSlug({'app/x': ''}))
  await call(200, 'GET', `${app}/slugs/${slug.id}`)
  const release = await call<{id: string}>(201, 'POST', `${app}/releases`, {slug: slug.id, description: 'first'})
  await until('the release phase', () => call<{status: string}>(200, 'GET', `${app}/releases/${release.id}`), ({status}) => status === 'succeeded')
  await call(200, 'GET', `${app}/releases`)
  await call(200, 'GET', app)
  await call(201, 'POST', `${app}/releases`, {release: release.id})

  await call(201, 'POST', `${app}/sources`)
  const {source_blob} = await call<{source_blob: {get_url: string}}>(201, 'POST', '/sources')
  const build = await call<{id: string}>(201, 'POST', `${app}/builds`, {
    source_blob: {url: source_blob.get_url, version: 'c0ffee', version_description: 'a change', checksum: `SHA256:${'0'.repeat(64)}`},
    buildpacks: [{url: 'https://example.com/b.git#v1'}, {name: 'heroku/nodejs'}],
  })
  await until('the build', () => call<{status: string}>(200, 'GET', `${app}/builds/${build.id}`), ({status}) => status === 'failed')
  await call(200, 'GET', `${app}/builds`)

  await call(200, 'GET', `${app}/formation`)
  await call(200, 'PATCH', `${app}/formation`, {updates: [{type: 'worker', quantity: 1, dyno_size: {name: 'Standard-2X'}}]})
  await call(200, 'PATCH', `${app}/formation/worker`, {quantity: 0})
  await call(200, 'GET', `${app}/formation/web`)

  const attached = await call<{name: string}>(201, 'POST', `${app}/dynos`, {command: 'bash', attach: true, env: {A: 'b'}, size: 'performance-l'})
  const detached = await call<{id: string}>(201, 'POST', `${app}/dynos`, {command: 'sleep 60', time_to_live: 60})
  await call(200, 'GET', `${app}/dynos`)
  await call(200, 'GET', `${app}/dynos/${attached.name}`)
  await call(202, 'POST', `${app}/dynos/${attached.name}/actions/stop`)
  await call(202, 'DELETE', `${app}/dynos/${detached.id}`)
  await call(202, 'POST', `${app}/formations/web/actions/stop`)
  await call(202, 'DELETE', `${app}/formations/web`)
  await call(202, 'DELETE', `${app}/dynos`)
  await call(201, 'POST', `${app}/log-sessions`, {lines: 10, tail: false})
  await call(200, 'GET', `${app}/addon-attachments`)

  for (const settings of [{space: {name: 'my-space', shield: true}}, {space: null, generation: 'fir'}]) {
    await heroku.api('PATCH', '/standin/apps/schema-app', settings)
    await call(200, 'GET', app)
    await call(200, 'GET', `${app}/available-dyno-sizes`)
  }

  await call(200, 'DELETE', app)
}
