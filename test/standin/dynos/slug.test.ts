import {mkdtemp, readFile, rm, truncate, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {gunzipSync, gzipSync} from 'node:zlib'

import {expect} from 'chai'

import {inspectSlug} from '../../../standin/dynos/slug.ts'
import {unpackProblem} from '../../../standin/dynos/unpack.ts'
import {IMAGE_TIMEOUT, slugOf, testHost, type TestHost} from './support.ts'

describe('a slug', () => {
  let dir: string

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'slugs-'))
  })

  after(() => rm(dir, {recursive: true}))

  it('is taken, and what lies outside ./app is named', async () => {
    const file = await slugOf(join(dir, 'outside.tgz'), [{name: './'}, {name: './app/x', content: 'x'}, {name: './etc/passwd', content: 'x'}, {name: 'nix/'}])
    expect(await inspectSlug(file)).to.deep.equal({
      kind: 'ok', compressedSize: (await readFile(file)).length, droppedOutsideApp: ['./etc/passwd', 'nix/'],
    })
  })

  it('may be several gzip members, one after the other', async () => {
    const [first, second] = await Promise.all(['1', '2'].map(name => slugOf(join(dir, `${name}.tgz`), [{name: `app/${name}`, content: name}])))
    const withoutEnd = gunzipSync(await readFile(first ?? '')).subarray(0, 1024)
    await writeFile(join(dir, 'both.tgz'), Buffer.concat([gzipSync(withoutEnd), await readFile(second ?? '')]))
    expect((await inspectSlug(join(dir, 'both.tgz'))).kind).to.equal('ok')
  })

  it('is refused in the words of Heroku when it is too large', async () => {
    await writeFile(join(dir, 'large.tgz'), '')
    await truncate(join(dir, 'large.tgz'), 502.5 * 1024 * 1024)
    expect(await inspectSlug(join(dir, 'large.tgz'))).to.deep.equal({
      kind: 'refused', reason: 'Compiled slug size: 502.5M is too large (max is 500M).',
    })
  })

  for (const {name, bytes, reason} of [
    {name: 'is not gzip', bytes: (whole: Buffer) => Buffer.from(whole.toString('hex')), reason: /not a whole tar\.gz: incorrect header check/},
    {name: 'ends in the middle of its gzip data', bytes: (whole: Buffer) => whole.subarray(0, whole.length - 20), reason: /not a whole tar\.gz: unexpected end of file/},
    {name: 'has a damaged byte', bytes: (whole: Buffer) => whole.fill(0xff, 200, 210), reason: /not a whole tar\.gz: /},
    {name: 'is gzip but not tar', bytes: () => gzipSync(Buffer.alloc(2000, 'text')), reason: /not a whole tar\.gz: /},
    {name: 'is empty', bytes: () => Buffer.alloc(0), reason: /not a whole tar\.gz|holds no \.\/app/},
  ]) {
    it(`is refused when it ${name}`, async () => {
      const whole = await slugOf(join(dir, 'whole.tgz'), [{name: 'app/x', content: Buffer.from(Array.from({length: 9000}, (_, i) => i * i % 251))}])
      await writeFile(join(dir, 'bad.tgz'), bytes(await readFile(whole)))
      const inspection = await inspectSlug(join(dir, 'bad.tgz'))
      expect(inspection.kind === 'refused' && inspection.reason).to.match(reason)
    })
  }

  it('is refused when its tar ends in the middle of a file', async () => {
    const whole = await slugOf(join(dir, 'tar.tgz'), [{name: 'app/x', content: Buffer.alloc(5000)}])
    await writeFile(join(dir, 'cut.tgz'), gzipSync(gunzipSync(await readFile(whole)).subarray(0, 2048)))
    expect((await inspectSlug(join(dir, 'cut.tgz'))).kind).to.equal('refused')
  })

  for (const {name, members, reason} of [
    {name: 'holds no ./app', members: [{name: './application/x'}], reason: 'The slug holds no ./app.'},
    {name: 'has a file for ./app', members: [{name: './app', content: 'x'}], reason: "The slug's ./app is a file, not a directory."},
    {name: 'has a link for ./app', members: [{name: 'app', type: 'symlink' as const, linkname: '/etc'}], reason: "The slug's ./app is a symlink, not a directory."},
    {name: 'climbs out of ./app', members: [{name: './app/../../etc/passwd', content: 'x'}], reason: 'The slug\'s member "./app/../../etc/passwd" climbs out of its folder.'},
  ]) {
    it(`is refused when it ${name}`, async () => {
      expect(await inspectSlug(await slugOf(join(dir, 'odd.tgz'), members))).to.deep.equal({kind: 'refused', reason})
    })
  }
})

describe('unpacking a slug', () => {
  let host: TestHost

  before(async function () {
    this.timeout(IMAGE_TIMEOUT)
    host = await testHost()
  })

  after(() => host[Symbol.asyncDispose]())

  it('puts ./app in place with its modes, links and times, drops the rest, and gives it all to the dyno', async () => {
    const slug = await slugOf(join(host.dir, 'full.tgz'), [
      {name: './app/', type: 'directory', mode: 0o755},
      {name: './app/.nixs/', type: 'directory', mode: 0o555, mtime: new Date(1000)},
      {name: './app/.nixs/file', mode: 0o444, mtime: new Date(1000), uid: 0, gid: 0, content: 'x'},
      {name: './app/.nixs/link', type: 'symlink', linkname: '/nowhere'},
      {name: './app/.nixs/hard', type: 'link', linkname: './app/.nixs/file'},
      {name: './app/tool', mode: 0o777, content: '#!/bin/sh\necho tool\n'},
      {name: './elsewhere', content: 'x'},
    ])
    const {output} = await host.run('find . -mindepth 1 -printf "%p %y %m %n %T@ %l\\n" | sort | sed s/\\.0000000000//; find . ! -user $(id -u); ls /; ./tool', {slug})
    expect(output.replaceAll(/(tool f 777 1) \d+/g, '$1')).to.equal([
      './.nixs d 555 2 1 ', './.nixs/file f 444 2 1 ', './.nixs/hard f 444 2 1 ', output.split('\n')[3], './tool f 777 1 ',
      'app', 'bin', 'dev', 'etc', 'lib', 'lib64', 'proc', 'run', 'sbin', 'tmp', 'usr', 'var', 'tool', '',
    ].join('\n'))
    expect(output.split('\n')[3]).to.match(/^\.\/\.nixs\/link l 777 1 .* \/nowhere$/)
  })

  it('cannot write outside /app, whatever links the slug holds', async () => {
    const slug = await slugOf(join(host.dir, 'links.tgz'), [
      {name: 'app/out', type: 'symlink', linkname: '../../../../../..'},
      {name: `app/out${host.dir}/escaped`, content: 'x'},
      {name: 'app/abs', type: 'symlink', linkname: host.dir},
      {name: 'app/abs/escaped', content: 'x'},
    ])
    await host.run('true', {slug})
    expect(await readFile(join(host.dir, 'escaped')).catch(() => 'nothing')).to.equal('nothing')
  })

  it('ends the dyno with the reason when it fails', async () => {
    const file = join(host.dir, 'broken.tgz')
    await writeFile(file, 'not gzip')
    const {output, end} = await host.run('echo never', {slug: file})
    expect(output).to.match(/^The slug cannot be unpacked: .*gzip.*\n$/)
    expect(end.status).to.equal(1)
  })

  for (const {name, complaints, problem} of [
    {name: 'the other spelling of ./app', complaints: 'tar: app: Not found in archive\ntar: Exiting with failure status due to previous errors\n', problem: null},
    {name: 'neither spelling', complaints: 'tar: ./app: Not found in archive\ntar: app: Not found in archive\n', problem: 'it holds no ./app'},
    {name: 'anything else', complaints: 'tar: app: Not found in archive\ntar: app/x: Cannot open: File exists\n', problem: 'tar: app/x: Cannot open: File exists'},
  ]) {
    it(`judges tar's complaints: ${name}`, () => {
      expect(unpackProblem(complaints)).to.equal(problem)
    })
  }
})
