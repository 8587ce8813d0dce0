import {expect} from 'chai'
import type {Harness, Json} from './harness.ts'
import {expectStatus, startHarness} from './harness.ts'

const hour = {command: 'sleep 3600'}

describe('what Heroku refuses', () => {
  let heroku: Harness

  before(async () => {
    heroku = await startHarness()
  })
  after(() => heroku[Symbol.asyncDispose]())

  const refusal = async (method: string, path: string, body?: unknown) => {
    const {status, body: {id, message}} = await heroku.api(method, path, body)
    return {status, id, message}
  }

  const rows: [what: string, settings: Json, method: string, below: string, body: unknown, status: number, id: string, message: RegExp][] = [
    ['performance dynos without a payment history', {performanceAllowed: false}, 'POST', '/dynos', {...hour, size: 'performance-l'}, 422, 'invalid_params', /Performance-L dynos aren't available/],
    ['another size than Eco on an eco app', {tier: 'eco'}, 'POST', '/dynos', {...hour, size: 'standard-1x'}, 422, 'invalid_params', /runs on Eco dynos/],
    ['performance sizes on a basic app', {tier: 'basic'}, 'POST', '/dynos', {...hour, size: 'performance-m'}, 422, 'invalid_params', /runs on Basic dynos/],
    ['common sizes in a Private Space', {space: {name: 'spc'}}, 'POST', '/dynos', {...hour, size: 'standard-1x'}, 422, 'invalid_params', /runs on Private-S/],
    ['sizes that there are not', {}, 'POST', '/dynos', {...hour, size: 'huge'}, 422, 'invalid_params', /^No such size as huge\. Available dyno sizes are Standard-1X, /],
    ['deploying without the permission', {permission: 'view'}, 'POST', '/slugs', {process_types: {}}, 403, 'forbidden', /permission to deploy/],
    ['running dynos without the permission', {permission: 'view'}, 'POST', '/dynos', hour, 403, 'forbidden', /permission to deploy/],
    ['reading config vars with the view permission', {permission: 'view'}, 'GET', '/config-vars', undefined, 403, 'forbidden', /permission to deploy/],
    ['changes by a delinquent account', {delinquent: true}, 'POST', '/dynos', hour, 402, 'delinquent', /delinquent/],
    ['slugs on stack container', {stack: 'container'}, 'POST', '/slugs', {process_types: {}}, 422, 'invalid_params', /stack container/],
    ['slugs on Fir', {generation: 'fir'}, 'POST', '/slugs', {process_types: {}}, 422, 'invalid_params', /Fir/],
    ['dynos without a slug, where set so', {dynosWithoutSlug: 'refuse'}, 'POST', '/dynos', hour, 422, 'unprocessable_entity', /no code has been deployed/],
    ['a time_to_live above a day', {}, 'POST', '/dynos', {...hour, time_to_live: 86_401}, 422, 'invalid_params', /time_to_live/],
    ['no command', {}, 'POST', '/dynos', {}, 422, 'invalid_params', /command is required/],
    ['an env that is no map of strings', {}, 'POST', '/dynos', {...hour, env: {A: {}}}, 422, 'invalid_params', /env is invalid/],
    ['an attach that is no boolean', {}, 'POST', '/dynos', {...hour, attach: 'yes'}, 422, 'invalid_params', /attach is invalid/],
    ['process types that are no map', {}, 'POST', '/slugs', {process_types: ['web']}, 422, 'invalid_params', /process_types/],
    ['slugs without process types', {}, 'POST', '/slugs', {}, 422, 'invalid_params', /process_types is required/],
  ]
  for (const [what, settings, method, below, body, status, id, message] of rows) {
    it(`is ${what}: ${status} ${id}`, async () => {
      const app = await heroku.createApp(settings)
      const got = await refusal(method, `/apps/${app}${below}`, body)
      expect({status: got.status, id: got.id}).to.deep.equal({status, id})
      expect(got.message).to.match(message)
    })
  }

  for (const [tier, size, limit] of [['eco', 'Eco', 1], ['production', 'Performance-M', 5]] as const) {
    it(`is more than ${limit} one-off dynos of ${size} at once`, async () => {
      const app = await heroku.createApp({tier})
      for (let n = 0; n < limit; n += 1) await expectStatus(201, heroku.api('POST', `/apps/${app}/dynos`, {...hour, size}))
      expect(await refusal('POST', `/apps/${app}/dynos`, {...hour, size})).to.deep.equal({
        status: 422, id: 'cannot_run_above_limit', message: `Cannot run more than ${limit} ${size} size dynos.`,
      })
      await expectStatus(202, heroku.api('DELETE', `/apps/${app}/dynos`))
    })
  }

  it('leaves a view-only app readable', async () => {
    const app = await heroku.createApp({permission: 'view'})
    for (const below of ['', '/releases', '/dynos', '/formation']) await expectStatus(200, heroku.api('GET', `/apps/${app}${below}`))
  })

  for (const [settings, generation, stack, sizes] of [
    [{generation: 'fir'}, 'fir', 'cnb', 'dyno-1c-0.5gb'],
    [{stack: 'heroku-22'}, 'cedar', 'heroku-22', 'Standard-1X'],
    [{space: {name: 'spc', shield: true}}, 'cedar', 'heroku-24', 'Shield-S'],
    [{tier: 'eco'}, 'cedar', 'heroku-24', 'Eco'],
  ] as const) {
    it(`shows an app with ${JSON.stringify(settings)} as such`, async () => {
      const app = await heroku.createApp(settings)
      const {body} = await heroku.api('GET', `/apps/${app}`)
      expect(body['generation']).to.equal(generation)
      expect(body).to.have.nested.property('stack.name', stack)
      const available = await heroku.api<{name: string}[]>('GET', `/apps/${app}/available-dyno-sizes`)
      expect(available.body[0]?.name).to.equal(sizes)
    })
  }

  it('knows all of today\'s dyno sizes with their memory in GB', async () => {
    const {body} = await heroku.api<{name: string; memory: number}[]>('GET', '/dyno-sizes')
    const memory = Object.fromEntries(body.map(({name, memory}) => [name, memory]))
    expect(memory).to.include({
      Eco: 0.5, Basic: 0.5, 'Standard-1X': 0.5, 'Standard-2X': 1, 'Performance-M': 2.5, 'Performance-L': 14, 'Performance-L-RAM': 30,
      'Performance-XL': 62, 'Performance-2XL': 126, 'Private-S': 1, 'Shield-2XL': 126,
    })
  })

  it('are not settings that there are not, or values that they cannot have', async () => {
    const app = await heroku.createApp()
    for (const settings of [{teir: 'eco'}, {tier: 'gold'}, {graceMs: -1}, {stack: 'heroku-7'}]) {
      expect((await heroku.api('PATCH', `/standin/apps/${app}`, settings)).status).to.equal(422)
    }
  })

  it('keeps the control routes behind the token', async () => {
    expect((await heroku.api('GET', '/standin/requests', undefined, {Authorization: null})).status).to.equal(401)
  })
})
