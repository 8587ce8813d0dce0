import {expect} from 'chai'
import {execFileSync} from 'node:child_process'
import fs from 'node:fs'
import {forgetTaints, readTaints} from '../../../src/dyno/engine/taints.ts'
import {installInJail, nixArchive, type EngineJail} from './support/installed.ts'

describe('what a builder compresses or archives', function () {
  this.timeout(120_000)
  let jail: EngineJail
  before(async function () {
    const archive = nixArchive()
    if (archive === null) return this.skip()
    jail = await installInJail(archive, {'experimental-features': 'nix-command flakes external-builders ca-derivations'})
    fs.cpSync(`${import.meta.dirname}/fixtures`, `${jail.app}/source`, {recursive: true})
  })
  after(async () => {
    // Nothing was made where the archive is missing.
    await (jail as EngineJail | undefined)?.[Symbol.asyncDispose]()
  })

  async function built(attribute: string, ...args: string[]): Promise<{name: string; canonical: string; log: string}> {
    const {status, stdout, stderr} = await jail.nix('nix-build', ['source/compressed.nix', '--attr', attribute, '--no-out-link', ...args])
    expect(status, stderr).to.equal(0)
    const name = stdout.trim().slice('/nix/store/'.length)
    return {name, canonical: `${jail.app}/.nix/store/${name}`, log: stderr}
  }

  const taints = () => readTaints(`${jail.app}/.nix/tainted`)

  it('is searched for the view\'s paths: the log and the taints name file, member and place, and the outputs beside it stay clean', async () => {
    const {name, log} = await built('tainted')
    const doc = fs.readdirSync(`${jail.app}/.nix/store`).find(other => other.endsWith('-tainted-doc')) ?? ''
    expect(log).to.include(`  ${name}/share/a.tar.gz > a/text @ 3`).and.to.include('heroku config:set NIX_CACHE_TAINTED=publish')
    const {isTainted, places} = taints()
    expect([isTainted(name), isTainted(doc), places]).to.deep.equal([
      true, false, [{path: `/nix/store/${name}`, file: 'share/a.tar.gz', inside: ['a/text'], offset: 3}],
    ])
  })

  it('is searched when nothing about it can be rewritten, which leaves it whole', async () => {
    const {name, canonical} = await built('sealed')
    expect([execFileSync('zstd', ['-dcq', canonical], {encoding: 'utf8'}), taints().isTainted(name)]).to.deep.equal([`/app/.nixs/${name}`, true])
  })

  it('has right sums where it is a tar or a stored zip, and is clean', async () => {
    const {name, canonical, log} = await built('archives')
    expect(execFileSync('tar', ['--list', '--verbose', '--file', `${canonical}/a.tar`], {encoding: 'utf8'})).to.include(`a/link -> /nix/store/${name}`)
    expect(execFileSync('unzip', ['-t', `${canonical}/a.zip`], {encoding: 'utf8'})).to.include('No errors')
    expect([taints().isTainted(name), log.includes('/app/.nixs/')]).to.deep.equal([false, false])
  })

  it('is named where a folder is called app/.nixs, and not published', async () => {
    const {name, log} = await built('folders')
    expect(log).to.include(`  ${name}/root/app/.nixs\n`)
    expect([taints().isTainted(name), taints().places.filter(({path}) => path.endsWith('-folders'))]).to.deep.equal([
      true, [{path: `/nix/store/${name}`, file: 'root/app/.nixs', inside: [], offset: 0}],
    ])
  })

  it('is mapped back where a path has no first slash or escaped ones, and its view is what the canonical bytes make', async () => {
    const {name, canonical} = await built('spelt')
    const [dep = ''] = /[0-9a-z]{32}-dep/.exec(fs.readFileSync(`${canonical}/a.json`, 'utf8')) ?? []
    expect([fs.readFileSync(`${canonical}/a.json`, 'utf8'), execFileSync('tar', ['--list', '--file', `${canonical}/a.tar`], {encoding: 'utf8'})]).to.deep.equal([
      String.raw`{"path":"\/nix\/store\/${dep}"}` + '\n', `nix/store/${dep}\n`,
    ])
    expect([taints().isTainted(name), fs.existsSync(`${jail.app}/.nixs/${name}`)]).to.deep.equal([false, false])
  })

  it('passes as it is where its hash was known beforehand', async () => {
    const {name, log} = await built('fixed')
    expect([taints().isTainted(name), log.includes('warning')]).to.deep.equal([false, false])
  })

  for (const attribute of ['addressed', 'addressedByDefault']) {
    it(`is recognised under the name that Nix gives to what is content-addressed, and its scratch name leaves the view: ${attribute}`, async () => {
      const {name} = await built(attribute)
      const inView = fs.readdirSync(`${jail.app}/.nixs`).filter(other => other.endsWith(`-${attribute}`))
      expect([taints().isTainted(name), inView]).to.deep.equal([true, []])
    })
  }

  it('is forgotten when its output is about to be built anew', async () => {
    const {name} = await built('sealed')
    forgetTaints([name], `${jail.app}/.nix/tainted`)
    expect(taints().isTainted(name)).to.equal(false)
    expect((await jail.nix('nix-store', ['--delete', `/nix/store/${name}`])).status).to.equal(0)
    await built('sealed')
    expect(taints().isTainted(name)).to.equal(true)
  })
})
