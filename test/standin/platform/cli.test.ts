import {expect} from 'chai'
import {execFile} from 'node:child_process'
import {readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'
import type {Standin} from '../../support/standin.ts'
import {startStandin} from '../../support/standin.ts'
import {makeSlug, until, upload} from './harness.ts'

/** A web process of perl, which the dynos' image has. */
const WEB = `exec perl -MIO::Socket::INET -e '
  $s = IO::Socket::INET->new(Listen => 5, LocalPort => $ENV{PORT}, ReuseAddr => 1) or die "bind: $!";
  while ($c = $s->accept) { while (<$c>) { last if /^\\r$/ } print $c "HTTP/1.0 200 OK\\r\\n\\r\\n$ENV{WORD} from $ENV{DYNO}\\n"; close $c }'`

describe('the real heroku CLI with the real stand-in', function () {
  this.timeout(60_000)
  let heroku: Standin
  const app = 'cli-app'

  before(async function () {
    // The first start on a machine makes the dynos' image.
    this.timeout(600_000)
    heroku = await startStandin()
  })
  after(() => heroku.stop())

  /** What the CLI printed to standard output, or a failure with all it said. */
  const cli = async (...args: string[]): Promise<string> => {
    const {code, stdout, stderr} = await heroku.heroku([...args, '--app', app])
    expect(code, stderr).to.equal(0)
    return stdout
  }

  const words = (text: string) => text.replace(/\s+/g, ' ').trim()

  it('creates an app and shows it', async () => {
    const {code, stderr} = await heroku.heroku(['create', app])
    expect(code, stderr).to.equal(0)
    const shown = await cli('apps:info')
    expect(words(shown)).to.match(/^=== cli-app Auto Cert Mgmt: false Git URL: https:\/\/git\.heroku\.com\/cli-app\.git Web URL: http:\/\/127\.0\.0\.1:\d+\/ .*Owner: developer@example\.com Region: us .*Stack: heroku-24$/)
  })

  it('sets and shows config vars', async () => {
    expect(await cli('config:set', 'WORD=hello', 'OTHER=a b')).to.equal('WORD:  hello\nOTHER: a b\n')
    expect(await cli('config')).to.equal('=== cli-app Config Vars\n\nWORD:  hello\nOTHER: a b\n')
    expect(await cli('config:get', 'WORD')).to.equal('hello\n')
    await cli('config:unset', 'OTHER')
    expect(JSON.parse(await cli('config', '--json'))).to.deep.equal({WORD: 'hello'})
  })

  it('runs a command and returns its exit status', async () => {
    for (const [command, status, output] of [['exit 3', 3, ''], ['echo out; (exit 7)', 7, 'out\n'], ['true', 0, '']] as const) {
      const {code, stdout} = await heroku.heroku(['run', '--exit-code', '--app', app, '--', command])
      expect({code, stdout}).to.deep.equal({code: status, stdout: output})
    }
  })

  it('runs bash on a terminal and pipes standard input to it', async () => {
    const {code, stdout} = await heroku.heroku(['run', 'bash', '--app', app], {input: 'tty\nexit\n'})
    expect(code).to.equal(0)
    expect(stdout).to.include('/dev/pts/')
  })

  it('pipes standard input without a terminal byte for byte', async () => {
    const input = Array.from({length: 2000}, (_, n) => `line ${n} äöü`).join('\n')
    const {code, stdout, stderr} = await heroku.heroku(['run', '--no-tty', '--exit-code', '--app', app, '--', 'cat'], {input: `${input}\n`})
    expect(code, stderr).to.equal(0)
    expect(stdout).to.equal(`${input}\n`)
  })

  it('runs a detached dyno whose output is in the logs', async () => {
    const shown = await cli('run:detached', 'echo detached $WORD')
    const name = /--dyno (run\.\d+)/.exec(shown)?.[1] ?? ''
    await until('its end', () => heroku.api('GET', `/apps/${app}/dynos/${name}`), ({status}) => status === 404)
    const logs = await cli('logs', '--num', '50', '--dyno', name)
    expect(logs).to.match(new RegExp(`^\\d{4}-\\S+ app\\[${name}\\]: detached hello$`, 'm'))
    expect(logs).to.include(`heroku[${name}]: Process exited with status 0`)
  })

  it('follows the logs', async () => {
    const tail = heroku.spawnHeroku(['logs', '--tail', '--num', '0', '--app', app])
    try {
      // Whatever comes after the CLI has connected is seen; its connection is in the journal before.
      await until('the session', () => heroku.requests(), all => all.some(({path}) => path.startsWith('/logs/')))
      await heroku.api('POST', `/apps/${app}/dynos`, {command: 'echo seen by the tail'})
      let text = ''
      for await (const chunk of tail.stdout) {
        text += String(chunk)
        if (text.includes('seen by the tail\n')) break
      }

      expect(text).to.match(/app\[run\.\d+\]: seen by the tail/)
    } finally {
      tail.kill('SIGKILL')
    }
  })

  it('shows, scales, stops and restarts the dynos of a slug', async () => {
    const {body: slug} = await heroku.api<{id: string; blob: {url: string}}>('POST', `/apps/${app}/slugs`, {process_types: {web: WEB, worker: 'sleep 1000'}})
    expect((await upload(slug.blob.url, await makeSlug({'app/x': 'x'}))).status).to.equal(200)
    expect((await heroku.api('POST', `/apps/${app}/releases`, {slug: slug.id, description: 'Deploy by hand'})).status).to.equal(201)
    const {body: {web_url: url}} = await heroku.api<{web_url: string}>('GET', `/apps/${app}`)
    expect(await (await fetch(url)).text()).to.equal('hello from web.1\n')

    expect(words(await cli('ps'))).to.match(/^=== web \(Standard-1X\): exec perl .* \(1\) web\.1: up .* ago\)$/)
    await cli('ps:scale', 'web=2', 'worker=1:standard-2x')
    expect(words(await cli('ps:scale'))).to.equal('web=2:Standard-1X worker=1:Standard-2X')
    const names = async () => (await heroku.api<{name: string; state: string}[]>('GET', `/apps/${app}/dynos`)).body.map(({name, state}) => `${name} ${state}`).sort()
    await until('all up', names, all => all.join() === 'web.1 up,web.2 up,worker.1 up')

    await cli('ps:restart')
    await cli('ps:stop', '--dyno-name', 'web.1')
    await until('all up again', names, all => all.join() === 'web.1 up,web.2 up,worker.1 up')
    await cli('ps:scale', 'web=1', 'worker=0')
    await until('one', names, all => all.join() === 'web.1 up')
    expect(await (await fetch(url)).text()).to.equal('hello from web.1\n')
  })

  it('lists releases, shows one, and rolls back', async () => {
    await cli('config:set', 'WORD=changed')
    const list = JSON.parse(await cli('releases', '--json')) as {version: number; description: string}[]
    expect(list.slice(0, 2).map(({description}) => description)).to.deep.equal(['Set WORD config vars', 'Deploy by hand'])
    const deployed = list.find(({description}) => description === 'Deploy by hand')?.version ?? 0
    expect(words(await cli('releases:info', `v${deployed}`))).to.match(new RegExp(`^=== Release v${deployed} .*Change: Deploy by hand Eligible for Rollback\\?: Yes .*WORD: hello$`))
    await cli('releases:rollback', `v${deployed}`)
    expect(await cli('config:get', 'WORD')).to.equal('hello\n')
    expect(await cli('releases')).to.include(`Rollback to v${deployed}`)
  })

  it('passes refusals on with the API\'s words', async () => {
    await heroku.api('PATCH', `/standin/apps/${app}`, {permission: 'view'})
    const {code, stderr} = await heroku.heroku(['run:detached', 'true', '--app', app])
    expect(code).to.equal(2)
    expect(stderr).to.include('You do not have permission to deploy on cli-app.').and.to.include('Error ID: forbidden')
    await heroku.api('PATCH', `/standin/apps/${app}`, {permission: 'owner'})
  })

  it('meets the faults that were injected', async () => {
    await heroku.inject({kind: 'status', method: 'GET', route: '/apps/*/config-vars', status: 429})
    const {code, stderr} = await heroku.heroku(['config', '--app', app])
    expect(code).to.equal(2)
    expect(stderr).to.include('Error ID: rate_limit')
  })

  it('connected to nothing but the stand-in, which knew every route', () => {
    expect(heroku.stderr()).not.to.include('No such route')
  })
})

describe('bin/standin', function () {
  this.timeout(60_000)

  it('says where everything is in one line, on 127.0.0.1 alone, and with an environment that names nothing else', async () => {
    await using heroku = await startStandin()
    const {api, env, s3, ca, rendezvous} = heroku.line
    for (const url of [api, s3.endpoint, `http://${rendezvous}`]) expect(new URL(url).hostname).to.equal('127.0.0.1')
    expect(env).to.include({HEROKU_HOST: api, HEROKU_PARTICLEBOARD_URL: api, HEROKU_API_KEY: heroku.line.token, NODE_EXTRA_CA_CERTS: ca})
    expect(heroku.line.token).to.match(/^[0-9a-f]{40}$/)
    expect((await heroku.api('GET', '/account')).status).to.equal(200)
    expect((await fetch(s3.endpoint)).status, 'the bucket refuses who does not sign').to.equal(403)
  })

  it('ends on SIGTERM with status 0 and leaves no dyno running', async () => {
    await using heroku = await startStandin()
    await heroku.createApp('ends-app')
    await heroku.api('POST', '/apps/ends-app/dynos', {command: 'sleep 98765'})
    await until('its process', sleepers, count => count === 1)
    expect(await heroku.stop()).to.equal(0)
    expect(await sleepers()).to.equal(0)
  })

  it('says what is wrong with its arguments', async () => {
    for (const [args, message] of [[['--prot', '1'], /Unknown option '--prot'/], [['--port', 'x'], /--port is "x"/], [['--s3-endpoint', 'http://127.0.0.1:1'], /needs AWS_ACCESS_KEY_ID/]] as const) {
      const failed = await promisify(execFile)(join(import.meta.dirname, '../../../bin/standin'), args, {env: {PATH: process.env['PATH']}}).then(() => null, (error: unknown) => error as {code: number; stderr: string})
      expect(failed?.code).to.equal(1)
      expect(failed?.stderr).to.match(message)
    }
  })
})

/** How many processes of this machine sleep for exactly so long. */
async function sleepers(): Promise<number> {
  const lines = await Promise.all((await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.filter(line => line === ['sleep', '98765', ''].join('\0')).length
}
