import {execFile} from 'node:child_process'
import {mkdtemp, readdir, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'

import {expect} from 'chai'

import {ensureImage, type Image} from '../../../standin/image/ensure.ts'
import {withLock} from '../../../standin/image/lock.ts'

const run = promisify(execFile)

describe("the dynos' image", () => {
  let image: Image

  before(async function () {
    this.timeout(300_000)
    image = await ensureImage()
  })

  it('holds no toolchain, git or language but Perl, in any folder of programs', async () => {
    const folders = ['usr/bin', 'usr/sbin', 'usr/local/bin', 'usr/games']
    const programs = (await Promise.all(folders.map(folder => readdir(join(image.root, folder)).catch(() => [])))).flat()
    expect(programs).to.include.members(['bash', 'curl', 'jq', 'ld', 'perl', 'rsync', 'tar', 'xz', 'zstd'])
    expect(programs.filter(name =>
      /^(?:git.*|(?:.*-)?(?:gcc|g\+\+|cpp|clang)(?:-\d+)?|cc|c\+\+|make|cmake|node(?:js)?|npm|patchelf|pip\d?|python.*|pypy.*|ruby|php|java|go|nix.*|proot|bwrap)$/.test(name)))
      .to.deep.equal([])
  })

  it('has a counterpart for all but a few of the packages, and a reason for each that is missing', () => {
    const missing = image.made.counterparts.flatMap(found => found.kind === 'none' ? [found] : [])
    expect(missing.filter(({reason}) => reason === 'nothing found')).to.deep.equal([])
    expect(missing.length).to.be.below(12)
  })

  it('has no setuid or setgid file', async () => {
    const {stdout} = await run('find', [image.root, '-perm', '/6000'])
    expect(stdout).to.equal('')
  })

  it('finds every library of its programs', async function () {
    // Several hundred programs, each looked at by a process.
    this.timeout(120_000)
    const {stdout} = await run('bwrap', [
      ...['--unshare-pid', '--clearenv', '--ro-bind', image.usr, '/usr', '--ro-bind', image.etc, '/etc', '--proc', '/proc', '--dev', '/dev'],
      ...['bin', 'lib', 'lib64', 'sbin'].flatMap(name => ['--symlink', `usr/${name}`, `/${name}`]),
      ...['--', '/bin/bash', '-c', 'for i in /usr/bin/* /usr/sbin/*; do ldd "$i" 2> /dev/null | grep -q "not found" && echo "$i"; done; locale -a | grep en_US'],
    ])
    expect(stdout).to.equal('en_US.utf8\n')
  })

  it('trusts the certificate authorities of the distribution', async () => {
    const {stdout} = await run('openssl', ['crl2pkcs7', '-nocrl', '-certfile', join(image.etc, 'ssl/certs/ca-certificates.crt')])
    expect(stdout.length).to.be.above(50_000)
    expect((await readdir(join(image.etc, 'ssl/certs'))).filter(name => /^[0-9a-f]{8}\.0$/.test(name)).length).to.be.above(100)
  })

  it('is described in docs/dyno-image.md as it is', async () => {
    await run(process.execPath, [new URL('../../../standin/image/document.ts', import.meta.url).pathname, '--check'])
  })

  it('is made by one when several want it at once', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'lock-'))
    const order: string[] = []
    const work = (name: string) => () => new Promise<void>(resolve => {
      order.push(`${name} begins`)
      setImmediate(() => {
        order.push(`${name} ends`)
        resolve()
      })
    })
    await Promise.all(['a', 'b', 'c'].map(name => withLock(join(dir, 'lock'), work(name))))
    await rm(dir, {recursive: true})
    expect(order.map(entry => entry.split(' ')[1])).to.deep.equal(['begins', 'ends', 'begins', 'ends', 'begins', 'ends'])
    expect(order.every((entry, index) => index % 2 === 0 || entry.startsWith(order[index - 1]?.[0] ?? '?'))).to.equal(true)
  })
})
