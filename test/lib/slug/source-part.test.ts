import {createHash} from 'node:crypto'
import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {gzipSync} from 'node:zlib'
import {expect} from 'chai'
import {NixError} from '../../../src/lib/errors.ts'
import {fromText, type ByteString} from '../../../src/lib/slug/byte-string.ts'
import {writeSourcePart, type SourcePartSummary} from '../../../src/lib/slug/source-part.ts'
import {tarHeader, tarPadding} from '../../../src/lib/slug/tar-header.ts'
import {describeTree, inTemporaryDirectory, Memory, unpack} from './trees.ts'

const END = gzipSync(Buffer.alloc(1024))
const SCRIPTS = {runResult: '#!/bin/sh\n# result\n', runProot: '#!/bin/sh\n# proot\n', build: '#!/bin/sh\n# build\n', profile: '# profile\n'}
const FACTS = {build: '20261123-101500-abcd', tree: '0123'}

type Member = {name: string; content?: string; mode?: number; to?: string; type?: string; pax?: string}

/** A tar as a project's would be, or as a hostile one could be. */
function tarOf(members: Member[], {end = true} = {}): Buffer {
  const blocks = members.flatMap(({name, content = '', mode = 0o644, to = '', type, pax}) => {
    const kind = to ? 'symlink' : name.endsWith('/') ? 'directory' : 'file'
    const body = Buffer.from(content)
    const header = tarHeader({kind, name: name as ByteString, mode, size: body.length, target: to as ByteString})
    if (type) {
      header.write(type, header.length - 512 + 156, 'latin1')
      header.fill(' ', header.length - 512 + 148, header.length - 512 + 156)
      const sum = header.subarray(-512).reduce((total, byte) => total + byte, 0)
      header.write(`${sum.toString(8).padStart(6, '0')}\0 `, header.length - 512 + 148, 'latin1')
    }

    return [...(pax ? [tarOf([{name: 'pax', content: pax, type: 'x'}], {end: false})] : []), header, body, Buffer.alloc(tarPadding(body.length))]
  })
  return Buffer.concat([...blocks, Buffer.alloc(end ? 1024 : 0)])
}

async function partOf(members: Member[] | Buffer, options: {collect?: string[]; jobs?: number} = {}): Promise<{summary: SourcePartSummary; bytes: Buffer}> {
  const sink = new Memory()
  sink.on('error', () => undefined)
  const tar = Buffer.isBuffer(members) ? members : tarOf(members)
  const summary = await writeSourcePart({sourceTar: Readable.from([tar], {objectMode: false}), scripts: SCRIPTS, facts: FACTS, sink, ...options})
  return {summary, bytes: sink.bytes}
}

async function refusal(members: Member[] | Buffer): Promise<string> {
  const failure = await partOf(members).catch((error: unknown) => error)
  expect(failure).to.be.instanceOf(NixError)
  expect((failure as NixError).exitCode).to.equal(4)
  return (failure as NixError).message
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const file = (mode: number, text: string) => `${mode} 1 ${Buffer.byteLength(text)} ${digest(text)}`

describe("a slug's source part", () => {
  it('unpacks to the project and the run-time scripts below app/', async () => {
    await inTemporaryDirectory(async directory => {
      const {bytes, summary} = await partOf([
        {name: './'}, {name: 'Procfile', content: 'web: run_result.sh bin/web\n'}, {name: 'bin/'}, {name: 'bin/start', content: '#!', mode: 0o755},
        {name: 'deep/er/file', content: 'x'}, {name: 'link', to: '/etc/passwd'}, {name: '.profile.d/'}, {name: '.profile.d/mine.sh', content: ':'},
        {name: 'é\xff', content: 'bytes'},
      ], {collect: ['Procfile', 'absent']})
      await unpack(Buffer.concat([bytes, END]), directory)
      expect(await describeTree(directory)).to.deep.equal([
        `"app"/ 755`, `"app/.heroku"/ 755`, `"app/.heroku/nix"/ 755`, `"app/.heroku/nix/bin"/ 755`,
        `"app/.heroku/nix/bin/build" ${file(755, SCRIPTS.build)}`,
        `"app/.heroku/nix/bin/run_proot.sh" ${file(755, SCRIPTS.runProot)}`, `"app/.heroku/nix/bin/run_result.sh" ${file(755, SCRIPTS.runResult)}`,
        `"app/.heroku/nix/source.json" ${file(644, `${JSON.stringify(FACTS, null, 2)}\n`)}`,
        `"app/.profile.d"/ 755`, `"app/.profile.d/mine.sh" ${file(644, ':')}`, `"app/.profile.d/nix.sh" ${file(644, SCRIPTS.profile)}`,
        `"app/Procfile" ${file(644, 'web: run_result.sh bin/web\n')}`, `"app/bin"/ 755`, `"app/bin/start" ${file(755, '#!')}`,
        `"app/deep"/ 755`, `"app/deep/er"/ 755`, `"app/deep/er/file" ${file(644, 'x')}`, `"app/link" -> "/etc/passwd"`, `"app/é\xff" ${file(644, 'bytes')}`,
      ].sort())
      expect(summary.warnings).to.deep.equal([])
      expect([...summary.collected].map(([name, content]) => [name, content.toString()])).to.deep.equal([['Procfile', 'web: run_result.sh bin/web\n']])
      expect(summary).to.deep.include({size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex')})
    })
  })

  it('leaves out what the project has where our own things go, and says so once for each', async () => {
    await inTemporaryDirectory(async directory => {
      const {bytes, summary} = await partOf([
        {name: '.heroku/'}, {name: '.heroku/mine', content: 'kept'}, {name: '.heroku/nix/bin/run_result.sh', content: 'evil'}, {name: '.nixs/'}, {name: '.nixs/a', content: 'a'},
        {name: '.nixs/b', content: 'b'}, {name: '.nixsuffix', content: 'kept'}, {name: '.profile.d/nix.sh', content: 'evil'}, {name: 'result', to: '/nix/store/x'},
        {name: 'resultat', content: 'kept'}, {name: 'src/result', content: 'kept'},
      ])
      await unpack(Buffer.concat([bytes, END]), directory)
      const names = (await describeTree(join(directory, 'app'))).map(line => JSON.parse(line.slice(0, line.indexOf('"', 1) + 1)) as string)
      expect(names).to.deep.equal([
        '.heroku', '.heroku/mine', '.heroku/nix', '.heroku/nix/bin', '.heroku/nix/bin/build', '.heroku/nix/bin/run_proot.sh', '.heroku/nix/bin/run_result.sh', '.heroku/nix/source.json',
        '.nixsuffix', '.profile.d', '.profile.d/nix.sh', 'resultat', 'src', 'src/result',
      ].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)))
      expect(await readFile(join(directory, 'app/.heroku/nix/bin/run_result.sh'), 'utf8')).to.equal(SCRIPTS.runResult)
      expect(summary.warnings).to.deep.equal(['.heroku/nix', '.nixs', '.profile.d/nix.sh', 'result'].map(
        name => `The project's own ${name} is left out of the slug: heroku-nix keeps its own things there.`,
      ))
    })
  })

  it('has the same bytes for the same tar, however it arrives and whatever the number of jobs', async () => {
    const tar = tarOf([{name: 'a', content: 'x'.repeat(3_000_000)}, {name: 'b', content: 'y'}])
    const pieces = Array.from({length: Math.ceil(tar.length / 1000)}, (_, index) => tar.subarray(index * 1000, (index + 1) * 1000))
    const sink = new Memory()
    const summary = await writeSourcePart({sourceTar: Readable.from(pieces, {objectMode: false}), scripts: SCRIPTS, facts: FACTS, sink, jobs: 1})
    const other = await partOf(tar, {jobs: 5})
    expect(sink.bytes.equals(other.bytes)).to.equal(true)
    expect(summary.sha256).to.equal(other.summary.sha256)
  })

  const hostile: {name: string; members: Member[]; message: string}[] = [
    {name: 'an absolute name', members: [{name: '/etc/passwd'}], message: `The source's tar holds "/etc/passwd", a name that does not stay inside the project.`},
    {name: 'a name that climbs out', members: [{name: 'a/../../b'}], message: `The source's tar holds "a/../../b", a name that does not stay inside the project.`},
    {name: 'a climbing name after "./"', members: [{name: './../b'}], message: `The source's tar holds "./../b", a name that does not stay inside the project.`},
    {name: 'an empty name inside', members: [{name: 'a//b'}], message: `The source's tar holds "a//b", a name that does not stay inside the project.`},
    {name: 'a file below a symbolic link', members: [{name: 'a', to: '/tmp'}, {name: 'a/b', content: 'x'}], message: `The source's tar holds "a/b", but "a" is no folder.`},
    {name: 'a symbolic link in place of a folder', members: [{name: 'a/b', content: 'x'}, {name: 'a', to: '/tmp'}], message: `The source's tar holds "a" twice.`},
    {name: 'a name twice', members: [{name: 'a', content: 'x'}, {name: './a', content: 'y'}], message: `The source's tar holds "a" twice.`},
    {name: 'a hard link', members: [{name: 'a', type: '1', to: '/etc/passwd'}], message: `The source's tar holds a, which is a link; a Git tree holds files, folders and symbolic links.`},
    {name: 'a device', members: [{name: 'a', type: '3'}], message: `The source's tar holds a, which is a character-device; a Git tree holds files, folders and symbolic links.`},
    {name: 'a pipe', members: [{name: 'a', type: '6'}], message: `The source's tar holds a, which is a fifo; a Git tree holds files, folders and symbolic links.`},
    {name: 'a name that a pax header hides', members: [{name: 'innocent', pax: '21 path=/etc/../../x\n'}], message: `The source's tar holds "/etc/../../x", a name that does not stay inside the project.`},
    {name: '.profile.d as a symbolic link', members: [{name: '.profile.d', to: 'elsewhere'}], message: `The project's .profile.d is a symbolic link; in a slug it must be a folder.`},
  ]
  for (const {name, members, message} of hostile) {
    it(`refuses ${name}`, async () => {
      expect(await refusal(members)).to.equal(message)
    })
  }

  it('refuses a tar that ends in the middle of a file', async () => {
    expect(await refusal(tarOf([{name: 'a', content: 'x'.repeat(5000)}]).subarray(0, 3000))).to.match(/^The source's tar cannot be read: /)
  })

  it('refuses what is no tar', async () => {
    expect(await refusal(Buffer.alloc(2048, 'not a tar'))).to.match(/^The source's tar cannot be read: /)
  })

  it("fails when the source's stream does", async () => {
    const sink = new Memory()
    sink.on('error', () => undefined)
    const sourceTar = new Readable({read() {
      this.push(tarOf([{name: 'a', content: 'x'}], {end: false}))
      this.destroy(new Error('ECONNRESET'))
    }})
    const failure = await writeSourcePart({sourceTar, scripts: SCRIPTS, facts: FACTS, sink}).catch((error: unknown) => error)
    expect(String(failure)).to.contain('ECONNRESET')
    expect(sink.destroyed).to.equal(true)
  })

  it('takes a pax header for a long name that is text', async () => {
    const name = `ü/${'n'.repeat(120)}`
    const record = ` path=${name}\n`
    const length = Buffer.byteLength(record) + 3
    const {bytes} = await partOf([{name: 'short', content: 'x', pax: `${length}${record}`}])
    await inTemporaryDirectory(async directory => {
      await unpack(Buffer.concat([bytes, END]), directory)
      expect(await readFile(join(directory, 'app', name), 'utf8')).to.equal('x')
      expect(fromText(name)).to.not.equal(name)
    })
  })
})
