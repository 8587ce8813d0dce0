import {expect} from 'chai'
import {connect} from 'node:net'
import type {Harness} from './harness.ts'
import {expectStatus, startHarness, until, webProcess} from './harness.ts'

interface DynoJson {
  id: string
  name: string
  state: string
  release: {version: number}
}

describe('web dynos and the router', () => {
  let heroku: Harness

  before(async () => {
    heroku = await startHarness()
  })
  after(() => heroku[Symbol.asyncDispose]())

  const url = async (app: string) => String((await heroku.api('GET', `/apps/${app}`)).body['web_url'])
  const get = async (app: string, path = '') => {
    const response = await fetch(`${await url(app)}${path}`)
    return `${response.status} ${(await response.text()).replace(/\s+/g, ' ')}`
  }

  const dynos = async (app: string) => (await heroku.api<DynoJson[]>('GET', `/apps/${app}/dynos`)).body.map(({name, state, release}) => `${name} ${state} v${release.version}`)
  const scale = (app: string, quantity: number | string) => expectStatus(200, heroku.api('PATCH', `/apps/${app}/formation`, {updates: [{type: 'web', quantity}]}))

  it('serve the app at its web_url, while requests wait for their start', async () => {
    const app = await heroku.createApp()
    await heroku.deploy(app, {web: webProcess('one')})
    expect(await get(app, 'path?q=1')).to.equal('200 one web.1 /path?q=1')
    expect(await dynos(app)).to.deep.equal(['web.1 up v3'])
    // The router writes its line when the response has gone through, which the client may know first.
    const log = await until('the router\'s line', () => heroku.log(app), text => text.includes('heroku[router]'))
    expect(log).to.match(/heroku\[router\]: at=info method=GET path="\/path\?q=1" host=127\.0\.0\.1:\d+ request_id=[0-9a-f-]{36} fwd="127\.0\.0\.1" dyno=web\.1 connect=\d+ms service=\d+ms status=200 bytes=19 protocol=http/)
    expect(log).to.include('heroku[web.1]: State changed from starting to up')
  })

  it('follow the release: the old ones stop, then the new ones start', async () => {
    const app = await heroku.createApp()
    await heroku.deploy(app, {web: webProcess('one')})
    expect(await get(app)).to.match(/^200 one/)
    await heroku.deploy(app, {web: webProcess('two')})
    expect(await get(app)).to.match(/^200 two/)
    expect(await dynos(app)).to.deep.equal(['web.1 up v4'])
    const log = (await heroku.log(app)).split('\n').filter(line => line.includes('heroku[web.1]')).map(line => line.replace(/^.*?: /, '').replace(/`.*`/, '…'))
    expect(log).to.deep.equal([
      'Starting process with command …', 'State changed from starting to up', 'Restarting', 'State changed from up to starting', 'Stopping all processes with SIGTERM',
      'Process exited with status 143', 'Starting process with command …', 'State changed from starting to up',
    ])
  })

  it('restart when config vars change, and see the new ones', async () => {
    const app = await heroku.createApp()
    await heroku.deploy(app, {web: webProcess('"+process.env.WORD+"')})
    expect(await get(app)).to.match(/^200 undefined/)
    await heroku.api('PATCH', `/apps/${app}/config-vars`, {WORD: 'changed'})
    expect(await get(app)).to.match(/^200 changed/)
  })

  it('follow the formation and take requests in turn', async () => {
    const app = await heroku.createApp()
    await heroku.deploy(app, {web: webProcess('x')})
    await scale(app, '+1')
    await until('two up', () => dynos(app), all => all.length === 2 && all.every(line => line.includes(' up ')))
    const answers = []
    for (let n = 0; n < 4; n += 1) answers.push((await get(app)).split(' ')[2])
    expect(answers.sort()).to.deep.equal(['web.1', 'web.1', 'web.2', 'web.2'])
    await scale(app, 1)
    await until('one', () => dynos(app), all => all.length === 1)
    expect(await heroku.log(app)).to.include('heroku[web.2]: State changed from up to down')
  })

  it('come back at once after ps:restart and ps:stop', async () => {
    const app = await heroku.createApp()
    await heroku.deploy(app, {web: webProcess('x')})
    await get(app)
    for (const [method, below] of [['DELETE', ''], ['DELETE', '/web.1'], ['POST', '/web.1/actions/stop']] as const) {
      const [before] = (await heroku.api<DynoJson[]>('GET', `/apps/${app}/dynos`)).body
      await expectStatus(202, heroku.api(method, `/apps/${app}/dynos${below}`))
      expect(await get(app)).to.match(/^200/)
      const [after] = (await heroku.api<DynoJson[]>('GET', `/apps/${app}/dynos`)).body
      expect(after?.id).not.to.equal(before?.id)
    }
  })

  it('start again at once after the first crash, and cool off after the second', async () => {
    const app = await heroku.createApp({coolOffMs: 1500})
    await heroku.deploy(app, {web: 'echo attempt; exit 1'})
    const attempts = async () => (await heroku.log(app)).split('\n').filter(line => line.endsWith('app[web.1]: attempt')).map(line => Date.parse(line.split(' ')[0] ?? ''))
    const [first = 0, second = 0, third = 0] = await until('three attempts', attempts, all => all.length >= 3)
    expect(second - first).to.be.lessThan(1400)
    expect(third - second).to.be.at.least(1490)
    expect(await heroku.log(app)).to.include('heroku[web.1]: State changed from crashed to starting')
  })

  it('crash with R10 when they do not bind in time, and the page says so (H10)', async () => {
    const app = await heroku.createApp({bootTimeoutMs: 200})
    await heroku.deploy(app, {web: 'sleep 99'})
    await until('crashed', () => dynos(app), ([line]) => line === 'web.1 crashed v3')
    const log = await until('R10 twice', () => heroku.log(app), text => text.split('Error R10').length > 2)
    expect(log).to.include('heroku[web.1]: Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 0.2 seconds of launch')
    expect(log).to.include('heroku[web.1]: Process exited with status 137')
    await until('crashed again', () => dynos(app), ([line]) => line === 'web.1 crashed v3')
    expect(await get(app)).to.match(/^503 .*<title>Application error<\/title>/)
    expect(await heroku.log(app)).to.match(/heroku\[router\]: at=error code=H10 desc="App crashed" .* status=503/)
  })

  it('are missed with H14 when the formation has none, H81 without a slug, H80 in maintenance', async () => {
    const app = await heroku.createApp()
    expect(await get(app)).to.match(/^503 .*No code has been deployed/)
    await heroku.deploy(app, {web: webProcess('x')})
    await scale(app, 0)
    expect(await get(app)).to.match(/^503 .*Application error/)
    await heroku.api('PATCH', `/apps/${app}`, {maintenance: true})
    expect(await get(app)).to.match(/^503 .*Offline for Maintenance/)
    const codes = [...(await heroku.log(app)).matchAll(/code=(H\d+)/g)].map(([, code]) => code)
    expect(codes).to.deep.equal(['H81', 'H14', 'H80'])
  })

  it('that take too long cost H12, that hang up H13, that never come up H20', async () => {
    const app = await heroku.createApp({requestTimeoutMs: 1000, bootQueueMs: 300})
    const program = 'require("http").createServer((q,r)=>{if(q.url=="/cut")q.socket.destroy();else if(q.url!="/slow")r.end("ok")}).listen(process.env.PORT,"127.0.0.1")'
    await heroku.deploy(app, {web: `exec '${process.execPath}' -e '${program}'`})
    await until('up', () => dynos(app), ([line]) => line?.includes(' up ') ?? false)
    expect(await get(app, 'slow')).to.match(/^503/)
    expect(await get(app, 'cut')).to.match(/^503/)
    expect(await get(app)).to.equal('200 ok')
    await heroku.deploy(app, {web: 'sleep 99'})
    expect(await get(app)).to.match(/^503/)
    const codes = [...(await heroku.log(app)).matchAll(/code=(H\d+) desc="([^"]*)"/g)].map(([, code, desc]) => `${code ?? ''} ${desc ?? ''}`)
    expect(codes).to.deep.equal(['H12 Request timeout', 'H13 Connection closed without response', 'H20 App boot timeout'])
  })

  it('get bodies whole, and the headers that Heroku\'s router adds', async () => {
    const app = await heroku.createApp()
    const program = 'require("http").createServer((q,r)=>{let n=0;q.on("data",d=>n+=d.length).on("end",()=>r.end(JSON.stringify({n,h:q.headers})))}).listen(process.env.PORT,"127.0.0.1")'
    await heroku.deploy(app, {web: `exec '${process.execPath}' -e '${program}'`})
    const response = await fetch(await url(app), {method: 'POST', body: 'x'.repeat(3_000_000), headers: {'X-Request-Id': '0123456789-0123456789'}})
    const {n, h} = await response.json() as {n: number; h: Record<string, string>}
    expect(n).to.equal(3_000_000)
    expect(h).to.include({'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http', 'x-request-id': '0123456789-0123456789', via: '1.1 heroku-router'})
  })

  it('are gone with their app, and so is its port', async () => {
    const app = await heroku.createApp()
    await heroku.deploy(app, {web: webProcess('x')})
    await get(app)
    const {port} = new URL(await url(app))
    await expectStatus(200, heroku.api('DELETE', `/apps/${app}`))
    const refused = await new Promise(resolve => {
      connect(Number(port), '127.0.0.1').once('error', error => resolve((error as NodeJS.ErrnoException).code)).once('connect', () => resolve('connected'))
    })
    expect(refused).to.equal('ECONNREFUSED')
  })
})
