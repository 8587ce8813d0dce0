import {expect} from 'chai'
import {execFileSync} from 'node:child_process'
import {createHash} from 'node:crypto'
import {once} from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type {AddressInfo} from 'node:net'
import os from 'node:os'
import {fetchurl} from '../../../src/dyno/engine/builtin/fetchurl.ts'
import {readBuilderSettings, type BuilderSettings} from '../../../src/dyno/engine/settings.ts'
import {encodeBase32} from '../../../src/lib/nix/base32.ts'

const TEXT = 'what was asked for\n'
const SUM = createHash('sha256').update(TEXT).digest()
const SETTINGS: BuilderSettings = {systemFeatures: [], hashedMirrors: [], netrcFile: null, caFile: null}

describe('builtin:fetchurl', () => {
  let folder: string
  let asked: string[]
  let answer: http.RequestListener
  const servers: http.Server[] = []
  beforeEach(() => {
    folder = fs.mkdtempSync(`${os.tmpdir()}/fetchurl-`)
    asked = []
    answer = (_, response) => response.end(TEXT)
  })
  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
    fs.rmSync(folder, {recursive: true})
  })

  const listener: http.RequestListener = (request, response) => {
    asked.push(request.url ?? '')
    answer(request, response)
  }

  async function serve(server: http.Server = http.createServer(listener)): Promise<string> {
    servers.push(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async function fetched(url: string, env: Record<string, string> = {}, settings: Partial<BuilderSettings> = {}): Promise<string> {
    await fetchurl({env: {url, outputHashMode: 'flat', ...env}, out: `${folder}/out`, folder, settings: {...SETTINGS, ...settings}, log: () => undefined})
    return fs.readFileSync(`${folder}/out`, 'utf8')
  }

  async function failure(...args: Parameters<typeof fetched>): Promise<string> {
    return fetched(...args).then(() => 'nothing failed', (error: unknown) => error instanceof Error ? error.message : String(error))
  }

  it('follows a redirection', async () => {
    answer = (request, response) => request.url === '/old' ? response.writeHead(302, {Location: '/new'}).end() : response.end(TEXT)
    expect([await fetched(`http://${await serve()}/old`), asked]).to.deep.equal([TEXT, ['/old', '/new']])
  })

  it('fails at once where there is nothing, and leaves nothing', async () => {
    answer = (_, response) => response.writeHead(404).end('no')
    expect([await failure(`http://${await serve()}/x`), asked.length, fs.readdirSync(folder)]).to.deep.equal(['curl failed (exit status 22)', 1, []])
  })

  it('tries again after a server error and after a broken transfer', async () => {
    answer = (_, response) => {
      if (asked.length === 1) response.writeHead(503).end()
      else if (asked.length === 2) {
        response.writeHead(200, {'Content-Length': '1000'}).write('half')
        setImmediate(() => response.destroy())
      } else response.end(TEXT)
    }
    expect([await fetched(`http://${await serve()}/x`), asked.length]).to.deep.equal([TEXT, 3])
  }).timeout(20_000)

  for (const [what, outputHash, outputHashAlgo] of [
    ['base-16', SUM.toString('hex'), 'sha256'], ['base-32', encodeBase32(SUM), 'sha256'], ['SRI', `sha256-${SUM.toString('base64')}`, ''],
  ] as const) {
    it(`asks hashed mirrors first, for a hash in ${what}`, async () => {
      const mirror = await serve()
      expect([await fetched('http://127.0.0.1:9/never', {outputHash, outputHashAlgo}, {hashedMirrors: [`http://${mirror}`]}), asked]).to.deep.equal([
        TEXT, [`/sha256/${SUM.toString('hex')}`],
      ])
    })
  }

  it('asks the URL itself when no mirror has it, and no mirror for a recursive hash', async () => {
    answer = (request, response) => request.url === '/x' ? response.end(TEXT) : response.writeHead(404).end()
    const host = await serve()
    const hash = {outputHash: SUM.toString('hex'), outputHashAlgo: 'sha256'}
    await fetched(`http://${host}/x`, hash, {hashedMirrors: [`http://${host}/m/`]})
    fs.rmSync(`${folder}/out`)
    await fetched(`http://${host}/x`, {...hash, outputHashMode: 'recursive'}, {hashedMirrors: [`http://${host}/m/`]})
    expect(asked).to.deep.equal([`/m/sha256/${SUM.toString('hex')}`, '/x', '/x'])
  })

  it('takes credentials from netrc', async () => {
    answer = (request, response) => request.headers.authorization === `Basic ${Buffer.from('me:word').toString('base64')}` ? response.end(TEXT) : response.writeHead(401).end()
    const url = `http://${await serve()}/x`
    fs.writeFileSync(`${folder}/netrc`, 'machine 127.0.0.1 login me password word\n')
    expect([await failure(url), await fetched(url, {}, {netrcFile: `${folder}/netrc`})]).to.deep.equal(['curl failed (exit status 22)', TEXT])
  })

  it('goes through the proxy that the derivation was given', async () => {
    const proxy = `http://${await serve()}`
    expect([await fetched('http://example.test/x', {http_proxy: proxy}), asked]).to.deep.equal([TEXT, ['http://example.test/x']])
  })

  it('trusts the authority that NIX_SSL_CERT_FILE names, and else no unknown one', async () => {
    execFileSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', `${folder}/key`, '-out', `${folder}/certificate`],
    ], {stdio: 'ignore'})
    const url = `https://${await serve(https.createServer({key: fs.readFileSync(`${folder}/key`), cert: fs.readFileSync(`${folder}/certificate`)}, listener))}/x`
    fs.writeFileSync(`${folder}/settings`, JSON.stringify(SETTINGS))
    const {caFile} = readBuilderSettings(`${folder}/settings`, {NIX_SSL_CERT_FILE: `${folder}/certificate`})
    expect([await failure(url), await fetched(url, {}, {caFile})]).to.deep.equal(['curl failed (exit status 60)', TEXT])
  })

  it('makes a program executable', async () => {
    await fetched(`http://${await serve()}/x`, {executable: '1'})
    expect(fs.statSync(`${folder}/out`).mode & 0o777).to.equal(0o755)
  })

  it('unpacks a NAR, compressed too', async () => {
    const nar = fs.readFileSync(`${import.meta.dirname}/fixtures/tree.nar.xz`)
    answer = (_, response) => response.end(nar)
    await fetchurl({env: {url: `http://${await serve()}/tree.nar.xz`, unpack: '1', outputHashMode: 'recursive'}, out: `${folder}/out`, folder, settings: SETTINGS, log: () => undefined})
    expect(fs.readdirSync(`${folder}/out`).length).to.be.at.least(1)
  })
})
