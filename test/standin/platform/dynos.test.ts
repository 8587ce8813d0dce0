import {expect} from 'chai'
import {readFile} from 'node:fs/promises'
import type {Harness} from './harness.ts'
import {expectStatus, startHarness, until} from './harness.ts'

interface DynoJson {
  id: string
  name: string
  state: string
  command: string
  size: string
  type: string
  attach_url: string | null
}

describe('one-off dynos', () => {
  let heroku: Harness
  let app: string

  before(async () => {
    heroku = await startHarness()
    app = await heroku.createApp()
  })
  after(() => heroku[Symbol.asyncDispose]())

  const create = async (body: object) => (await expectStatus(201, heroku.api<DynoJson>('POST', `/apps/${app}/dynos`, body))).body
  const ended = (name: string) => until(`the end of ${name}`, () => heroku.api('GET', `/apps/${app}/dynos/${name}`), ({status}) => status === 404)
  const linesOf = async (name: string) => (await heroku.log(app)).split('\n').filter(line => line.includes(`[${name}]`)).map(line => line.replace(/^\S+ /, ''))

  it('run detached, with config vars and their own env, and tell the log what happens', async () => {
    await heroku.api('PATCH', `/apps/${app}/config-vars`, {A: 'config', B: 'config'})
    const {name, ...dyno} = await create({command: 'echo $A $B $DYNO; echo >&2 oops; exit 3', env: {B: 'own', COLUMNS: 80}})
    expect(name).to.match(/^run\.\d{4}$/)
    expect(dyno).to.deep.include({state: 'starting', attach_url: null, size: 'Standard-1X', type: 'run'})
    await ended(name)
    expect(await linesOf(name)).to.have.members([
      `heroku[${name}]: Starting process with command \`echo $A $B $DYNO; echo >&2 oops; exit 3\``,
      `heroku[${name}]: State changed from starting to up`,
      `app[${name}]: config own ${name}`,
      `app[${name}]: oops`,
      `heroku[${name}]: Process exited with status 3`,
      `heroku[${name}]: State changed from up to complete`,
    ])
  })

  it('are shown while they run, without their env, and gone afterwards', async () => {
    const {name, id} = await create({command: 'sleep 60', env: {SECRET: 'hush'}, type: 'build', size: 'performance-l', time_to_live: 90})
    expect(name).to.match(/^build\.\d{4}$/)
    const up = await until('up', () => heroku.api<DynoJson>('GET', `/apps/${app}/dynos/${id}`), ({body}) => body.state === 'up')
    expect(up.body).to.deep.include({name, command: 'sleep 60', size: 'Performance-L'})
    expect(JSON.stringify(up.body)).not.to.include('hush')
    expect(heroku.started.at(-1)).to.deep.include({timeToLiveMs: 90_000, maxThreads: 32_768, memory: 14 * 1024 ** 3, terminal: null, web: null})

    await expectStatus(202, heroku.api('POST', `/apps/${app}/dynos/${name}/actions/stop`))
    await ended(name)
    expect((await linesOf(name)).slice(-3)).to.deep.equal([
      `heroku[${name}]: Stopping all processes with SIGTERM`, `heroku[${name}]: Process exited with status 143`, `heroku[${name}]: State changed from up to complete`,
    ])
  })

  it('end when their time is up', async () => {
    const {name} = await create({command: 'sleep 60', time_to_live: 1})
    await ended(name)
    expect(await linesOf(name)).to.include(`heroku[${name}]: Process exited with status 143`)
  })

  it('end once a day, whatever time they were given', async () => {
    await heroku.api('PATCH', `/standin/apps/${app}`, {cycleMs: 300})
    const {name} = await create({command: 'sleep 60', time_to_live: 86_400})
    await ended(name)
    await heroku.api('PATCH', `/standin/apps/${app}`, {cycleMs: 86_400_000})
    expect((await linesOf(name)).slice(-4)).to.deep.equal([
      `heroku[${name}]: Cycling`, `heroku[${name}]: Stopping all processes with SIGTERM`, `heroku[${name}]: Process exited with status 143`,
      `heroku[${name}]: State changed from up to complete`,
    ])
  })

  it('get SIGKILL after the grace, and the log says R12', async () => {
    await heroku.api('PATCH', `/standin/apps/${app}`, {graceMs: 100})
    const {name} = await create({command: 'trap "" TERM; echo ready; while :; do sleep 0.1; done'})
    await until('ready', () => linesOf(name), lines => lines.some(line => line.endsWith('ready')))
    await expectStatus(202, heroku.api('DELETE', `/apps/${app}/dynos/${name}`))
    await ended(name)
    expect(await linesOf(name)).to.include.members([
      `heroku[${name}]: Error R12 (Exit timeout) -> At least one process failed to exit within 0.1 seconds of SIGTERM`,
      `heroku[${name}]: Process exited with status 137`,
    ])
  })

  it('die at once by the control route', async () => {
    const {name} = await create({command: 'sleep 60'})
    await until('up', () => heroku.api<DynoJson>('GET', `/apps/${app}/dynos/${name}`), ({body}) => body.state === 'up')
    await expectStatus(202, heroku.api('POST', `/standin/apps/${app}/dynos/${name}/kill`))
    await ended(name)
    expect(await linesOf(name)).to.include(`heroku[${name}]: Process exited with status 137`)
  })

  it('take a process type in place of a command', async () => {
    await heroku.deploy(app, {web: 'sleep 99', greet: 'echo hello'})
    const {name} = await create({command: 'greet world'})
    await ended(name)
    expect(await linesOf(name)).to.include(`app[${name}]: hello world`)
  })

  it('start from the app\'s current slug', async () => {
    await heroku.deploy(app, {web: 'sleep 99'}, {'app/note': 'from the slug\n'})
    const {name} = await create({command: 'cat note'})
    await ended(name)
    expect(await linesOf(name)).to.include(`app[${name}]: from the slug`)
  })

  it('split long lines in the log and keep what has no line end', async () => {
    const {name} = await create({command: 'head -c 25000 /dev/zero | tr "\\0" x'})
    await ended(name)
    const lines = (await linesOf(name)).filter(line => line.startsWith('app'))
    expect(lines.map(line => line.length - `app[${name}]: `.length)).to.deep.equal([10_000, 10_000, 5000])
  })

  it('are restarted with all others by DELETE /dynos, which ends them', async () => {
    const {name} = await create({command: 'sleep 60'})
    await expectStatus(202, heroku.api('DELETE', `/apps/${app}/dynos`))
    await ended(name)
  })

  it('end with their app', async () => {
    const other = await heroku.createApp()
    const pids = `${heroku.dir}/pid-${other}`
    await expectStatus(201, heroku.api('POST', `/apps/${other}/dynos`, {command: `echo $$ > ${pids}; exec sleep 60`}))
    const pid = Number(await until('its pid', () => readFile(pids, 'utf8').catch(() => ''), text => text !== ''))
    await expectStatus(200, heroku.api('DELETE', `/apps/${other}`))
    await until('its end', () => alive(pid), is => !is)
  })
})

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
