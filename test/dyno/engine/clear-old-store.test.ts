import {expect} from 'chai'
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import {clearOldStore} from '../../../src/dyno/engine/clear-old-store.ts'

describe('clearing an old store', () => {
  let root: string
  beforeEach(() => {
    root = fs.mkdtempSync(`${os.tmpdir()}/old-store-`)
  })
  afterEach(() => {
    fs.rmSync(root, {recursive: true})
  })

  it('ends the builders that a killed build left, and removes what they were in, read-only or not', async () => {
    const builds = `${root}/.nix/b`
    fs.mkdirSync(`${builds}/abc`, {recursive: true})
    fs.mkdirSync(`${root}/.nixs/x`, {recursive: true, mode: 0o755})
    fs.chmodSync(`${root}/.nixs/x`, 0o555)
    const left = spawn('sleep', ['1000'], {cwd: '/', env: {NIX_BUILD_TOP: `${builds}/abc`, PATH: '/usr/bin:/bin'}, detached: true, stdio: 'ignore'})
    const ended = once(left, 'exit')
    await once(left, 'spawn')
    clearOldStore([`${root}/.nixs`, `${root}/.nix`, `${root}/result`], builds)
    expect([(await ended as [null, string])[1], fs.readdirSync(root)]).to.deep.equal(['SIGKILL', []])
  })
})
