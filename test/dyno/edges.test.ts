import {expect} from 'chai'
import {createHash} from 'node:crypto'
import {chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {setTimeout as delay} from 'node:timers/promises'
import {gzipSync} from 'node:zlib'
import {pack, type Pack} from 'tar-stream'
import {makeLayer} from '../../src/dyno/build/make-layer.ts'
import {buildOutput} from '../../src/dyno/build/output.ts'
import {findPrograms} from '../../src/dyno/build/programs.ts'
import {runProgram} from '../../src/dyno/build/run-program.ts'
import {unpackSource} from '../../src/dyno/build/unpack-source.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

describe('on a dyno', () => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'nix-dyno-'))
  })
  afterEach(() => {
    rmSync(dir, {recursive: true})
  })

  describe('unpackSource', () => {
    async function tarOf(fill: (tar: Pack) => void): Promise<Buffer> {
      const tar = pack()
      fill(tar)
      tar.finalize()
      return buffer(tar)
    }

    const unpack = (tar: Buffer, digest = sha256(tar)) => unpackSource(Readable.from([gzipSync(tar)]), join(dir, 'source'), digest)

    it('makes what the tar holds: folders, files, modes, links, odd names', async () => {
      const tar = await tarOf(made => {
        made.entry({name: 'bin/run', mode: 0o755}, '#!/bin/sh\n')
        made.entry({name: 'empty', type: 'directory'})
        made.entry({name: 'link', type: 'symlink', linkname: '/anywhere/at all'})
        made.entry({name: 'näme with space', mode: 0o600}, 'text')
      })
      expect(await unpack(tar)).to.deep.equal({files: 2, bytes: 14})
      const source = join(dir, 'source')
      expect(readdirSync(source).sort()).to.deep.equal(['bin', 'empty', 'link', 'näme with space'])
      expect(statSync(join(source, 'bin/run')).mode & 0o777).to.equal(0o755)
      expect(statSync(join(source, 'näme with space')).mode & 0o777).to.equal(0o644)
      expect(readlinkSync(join(source, 'link'))).to.equal('/anywhere/at all')
      expect(lstatSync(join(source, 'empty')).isDirectory()).to.equal(true)
    })

    for (const [what, fill] of [
      ['a path upwards', (tar: Pack) => tar.entry({name: '../evil'}, 'x')],
      ['an absolute path', (tar: Pack) => tar.entry({name: '/tmp/evil'}, 'x')],
      ['a file below a link', (tar: Pack) => {
        tar.entry({name: 'link', type: 'symlink', linkname: '..'})
        tar.entry({name: 'link/evil'}, 'x')
      }],
      ['a file in place of a link', (tar: Pack) => {
        tar.entry({name: 'link', type: 'symlink', linkname: '../evil'})
        tar.entry({name: 'link'}, 'x')
      }],
      ['a hard link', (tar: Pack) => tar.entry({name: 'passwd', type: 'link', linkname: '/etc/passwd'})],
      ['a device', (tar: Pack) => tar.entry({name: 'null', type: 'character-device'})],
    ] as const) {
      it(`refuses a tar with ${what} and writes nothing outside`, async () => {
        const tar = await tarOf(fill)
        const error: unknown = await unpack(tar).catch((failure: unknown) => failure)
        expect(error).to.have.property('code', 'BAD_SOURCE')
        expect(readdirSync(dir)).to.deep.equal(['source'])
      })
    }

    it('refuses another source than the one that was ordered', async () => {
      const tar = await tarOf(made => made.entry({name: 'default.nix'}, '{}'))
      const error: unknown = await unpack(tar, 'f'.repeat(64)).catch((failure: unknown) => failure)
      expect(error).to.include({code: 'WRONG_DIGEST', message: `The source in the bucket has sha256 ${sha256(tar)}; the build was ordered for ${'f'.repeat(64)}.`})
    })

    it('refuses what is cut off', async () => {
      const tar = await tarOf(made => made.entry({name: 'default.nix'}, 'x'.repeat(100_000)))
      const cut = gzipSync(tar).subarray(0, 60)
      const error: unknown = await unpackSource(Readable.from([cut]), join(dir, 'source'), sha256(tar)).catch((failure: unknown) => failure)
      expect(error).to.have.property('code', 'BAD_SOURCE')
    })
  })

  describe('runProgram', () => {
    const sh = (script: string) => ({file: '/bin/sh', args: ['-c', script], env: {PATH: '/usr/bin:/bin'}})
    const collect = () => {
      const chunks: Buffer[] = []
      return {onOutput: (chunk: Buffer) => {
        chunks.push(chunk)
        return Promise.resolve()
      }, text: () => Buffer.concat(chunks).toString()}
    }

    it('passes on what a program writes and gives its status', async () => {
      const output = collect()
      const end = await runProgram(sh('echo out; echo err >&2; exit 3'), {cwd: dir, signal: new AbortController().signal, onOutput: output.onOutput})
      expect(end).to.deep.equal({status: 3, signal: null, stdout: Buffer.alloc(0)})
      expect(output.text()).to.include('out\n').and.to.include('err\n')
    })

    it('keeps standard output apart where it is asked to, and no more than it was asked to', async () => {
      const output = collect()
      const options = {cwd: dir, signal: new AbortController().signal, onOutput: output.onOutput, capture: 10}
      expect((await runProgram(sh('echo out; echo err >&2'), options)).stdout.toString()).to.equal('out\n')
      expect(output.text()).to.equal('err\n')
      expect(await runProgram(sh('yes'), options).catch(String)).to.equal('Error: -c wrote more than 10 bytes.')
    })

    it('gives the program nothing of its own environment', async () => {
      const output = collect()
      await runProgram({...sh('env'), env: {ONLY: 'this'}}, {cwd: dir, signal: new AbortController().signal, onOutput: output.onOutput})
      expect(output.text().split('\n').filter(line => !/^(PWD|_|SHLVL|OLDPWD)=/.test(line))).to.deep.equal(['ONLY=this', ''])
    })

    it('ends the program and all that it started when it is told to stop', async () => {
      const stop = new AbortController()
      const begun = Promise.withResolvers<string>()
      const ran = runProgram(sh('trap "" TERM; sleep 1000 & echo $!; wait; sleep 1000'), {
        cwd: dir, signal: stop.signal, graceMs: 100,
        onOutput: chunk => {
          begun.resolve(chunk.toString().trim())
          return Promise.resolve()
        },
      }).catch((error: unknown) => error)
      const pid = Number(await begun.promise)
      stop.abort(new Error('stopped'))
      expect(String(await ran)).to.equal('Error: stopped')
      for (let tries = 0; isAlive(pid) && tries < 100; tries += 1) {
        await delay(10)
      }

      expect(isAlive(pid)).to.equal(false)
    })

    it('does not start what was stopped before', async () => {
      const ran = runProgram(sh('touch started'), {cwd: dir, signal: AbortSignal.abort(new Error('stopped')), onOutput: collect().onOutput})
      expect(await ran.catch(String)).to.equal('Error: stopped')
      expect(readdirSync(dir)).to.deep.equal([])
    })
  })

  describe('findPrograms', () => {
    it('names what can be run in bin/, links included, and nothing that a shell would have to quote', async () => {
      mkdirSync(join(dir, 'bin'))
      for (const [name, mode] of [['web', 0o555], ['data', 0o444], ['with space', 0o555], ['a;b', 0o555], ['.web-wrapped', 0o555]] as const) {
        writeFileSync(join(dir, 'bin', name), '')
        chmodSync(join(dir, 'bin', name), mode)
      }

      symlinkSync('web', join(dir, 'bin/alias'))
      symlinkSync('nowhere', join(dir, 'bin/dangling'))
      mkdirSync(join(dir, 'bin/folder'))
      const found = await findPrograms(dir)
      // As root everything that has any x bit can be run, and `data` has none.
      expect(found).to.deep.equal(['.web-wrapped', 'alias', 'web'])
    })

    it('finds none where the result has no bin/, or is a file', async () => {
      expect(await findPrograms(dir)).to.deep.equal([])
      writeFileSync(join(dir, 'file'), '')
      expect(await findPrograms(join(dir, 'file'))).to.deep.equal([])
    })
  })

  describe('buildOutput', () => {
    function output(secrets: string[] = []) {
      let stdout = ''
      let log = ''
      const made = buildOutput({
        secrets,
        stdout: text => {
          stdout += Buffer.from(text).toString()
        },
        log: {write: chunk => {
          log += Buffer.from(chunk).toString()
          return Promise.resolve()
        }},
      })
      return {made, stdout: () => stdout, log: () => log}
    }

    it('says headings on standard output and everything in the log, as Heroku\'s builds look', async () => {
      const {made, stdout, log} = output()
      await made.step('Running nix-build')
      for (const chunk of ['one\ntw', 'o\nthr', 'ee']) {
        await made.detail(Buffer.from(chunk))
      }

      await made.say('Built x')
      await made.warn('Odd.\nVery.')
      expect(log()).to.equal('-----> Running nix-build\n       one\n       two\n       three\n       Built x\n !     Odd.\n !     Very.\n')
      expect(stdout()).to.equal('-----> Running nix-build\n       Built x\n !     Odd.\n !     Very.\n')
    })

    it('hides secrets on standard output', async () => {
      const {made, stdout} = output(['secret-value'])
      await made.say('with secret-value in it')
      expect(stdout()).to.equal('       with [hidden] in it\n')
    })
  })

  describe('makeLayer', () => {
    const NAME = `${'a'.repeat(32)}-hello`
    const input = () => ({
      view: join(dir, 'view'), closure: [{path: `/nix/store/${NAME}`, narHash: `sha256:${'0'.repeat(52)}`, narSize: 1, references: []}],
      result: `/nix/store/${NAME}`, engine: 'relocate' as const, slugexclude: join(dir, '.slugexclude'),
      layerFile: join(dir, 'layer'), listingFile: join(dir, 'listing'), signal: new AbortController().signal,
    })

    beforeEach(() => {
      mkdirSync(join(dir, 'view', NAME, 'share/doc'), {recursive: true})
      writeFileSync(join(dir, 'view', NAME, 'share/doc/long'), 'x'.repeat(1000))
    })

    it('describes the file it has written', async () => {
      const {layer, listing} = await makeLayer(input())
      expect([sha256(readFileSync(join(dir, 'layer'))), statSync(join(dir, 'layer')).size]).to.deep.equal([layer.sha256, layer.size])
      expect([sha256(readFileSync(join(dir, 'listing'))), statSync(join(dir, 'listing')).size]).to.deep.equal([listing.sha256, listing.size])
      expect(layer.key).to.equal(`heroku/layers/${layer.digest}.tar.gz`)
      expect(layer.unpackedSize).to.equal(1000)
    })

    it('leaves out what .slugexclude names, and is another layer then, but lists all', async () => {
      const whole = await makeLayer(input())
      writeFileSync(join(dir, '.slugexclude'), 'doc\n')
      const pruned = await makeLayer(input())
      expect(pruned.layer.unpackedSize).to.equal(0)
      expect(pruned.layer.digest).not.to.equal(whole.layer.digest)
      expect(pruned.listing).to.deep.equal(whole.listing)
    })
  })
})

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

