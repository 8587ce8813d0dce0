import {expect} from 'chai'
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdtemp, readdir, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {lockFolder} from '../../../standin/state/lock.ts'

describe('a state folder', () => {
  let dir: string

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'lock-'))
  })
  afterEach(() => rm(dir, {recursive: true, force: true}))

  it('belongs to one stand-in that runs, until it gives it back', async () => {
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'standin'], {stdio: 'ignore'})
    try {
      await once(other, 'spawn')
      await writeFile(join(dir, 'pid'), `${other.pid ?? 0}\n`)
      const refused = await lockFolder(dir).then(() => null, (error: unknown) => error as Error)
      expect(refused?.message).to.equal(`${dir} is in use by the stand-in with process id ${other.pid ?? 0}.`)
    } finally {
      other.kill('SIGKILL')
      await once(other, 'exit')
    }

    const release = await lockFolder(dir)
    expect(await readdir(dir)).to.deep.equal(['pid'])
    await release()
    expect(await readdir(dir)).to.deep.equal([])
  })

  it('is free when another program runs under the process id of the last one', async () => {
    await writeFile(join(dir, 'pid'), '1\n')
    await lockFolder(dir)
  })
})
