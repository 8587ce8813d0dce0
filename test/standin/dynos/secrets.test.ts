import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdtemp, readdir, readFile, readlink, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'

import {expect} from 'chai'

import {createDynoHost} from '../../../standin/dynos/host.ts'
import {ensureImage} from '../../../standin/image/ensure.ts'
import {dynoSpec, IMAGE_TIMEOUT, says, testHost} from './support.ts'

const SECRET = 'a-config-var-that-nobody-may-see'

describe('what a running dyno shows to the machine', () => {
  before(async function () {
    this.timeout(IMAGE_TIMEOUT)
    await using host = await testHost()
    expect(host.lacks).to.be.an('array')
  })

  it('keeps config vars out of every argv, and out of the environment of all but its own processes', async () => {
    await using host = await testHost()
    const dyno = host.start(dynoSpec('echo ready; read', {env: {KEY: SECRET}, terminal: {columns: 80, rows: 24}}))
    await says(dyno, 'ready')
    const all = await processes()
    expect(all.filter(({argv}) => argv.includes(SECRET))).to.deep.equal([])
    expect(all.filter(({environment}) => environment.includes(SECRET)).map(({argv}) => argv.split('\0')[0])).to.deep.equal(['bash'])
    dyno.kill()
    await dyno.ended
  })

  it('lets a dyno read no config var from the processes that carry it', async () => {
    await using host = await testHost()
    const look = 'for i in 1 2; do cat /proc/$i/environ /proc/$i/cmdline; done | tr "\\0" " "; grep -c . /proc/2/maps; head -c 1 /proc/2/mem'
    const {output} = await host.run(look, {env: {KEY: SECRET}})
    expect(output).to.not.contain(SECRET)
    expect(output).to.contain('/proc/2/maps: Permission denied')
    expect(output).to.contain("cannot open '/proc/2/mem' for reading: Permission denied")
  })

  it('leaves no process when the stand-in is killed, and no file once the next one starts', async () => {
    const mark = `orphan-${process.pid}-${Date.now()}`
    const dir = await mkdtemp(join(tmpdir(), 'killed-'))
    const standin = standinRunning(mark, dir)
    await once(standin.stdout as NodeJS.ReadableStream, 'data')
    const namespace = await pidNamespaceOf(mark)
    expect(namespace).to.match(/^pid:/)
    standin.kill('SIGKILL')
    await once(standin, 'exit')
    for (let left = await inNamespace(namespace); left > 0; left = await inNamespace(namespace)) {
      await new Promise(resolve => setTimeout(resolve, 10))
    }

    const next = await createDynoHost({dir, image: await ensureImage()})
    expect(await readdir(dir)).to.deep.equal([])
    await next.close()
    await rm(dir, {recursive: true})
  })
})

function standinRunning(mark: string, dir: string): ChildProcess {
  const support = new URL('support.ts', import.meta.url).href
  const program = `const {dynoSpec, says} = await import(${JSON.stringify(support)})
    const {createDynoHost} = await import(${JSON.stringify(url('host.ts'))})
    const {ensureImage} = await import(${JSON.stringify(url('../image/ensure.ts'))})
    const host = await createDynoHost({dir: ${JSON.stringify(dir)}, image: await ensureImage()})
    const dyno = host.start(dynoSpec('trap "" TERM HUP; setsid bash -c "exec -a ${mark} sleep 1000" & until grep -qs sleep /proc/[0-9]*/comm; do :; done; echo ready; sleep 1000'))
    await says(dyno, 'ready'); console.log('ready')`
  return spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: fileURLToPath(new URL('.', import.meta.url)), stdio: ['ignore', 'pipe', 'inherit'],
  })
}

function url(name: string): string {
  return new URL(name, new URL('../../../standin/dynos/', import.meta.url)).href
}

async function processes(): Promise<{pid: string; argv: string; environment: string}[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  return Promise.all(pids.map(async pid => ({pid, argv: await proc(pid, 'cmdline'), environment: await proc(pid, 'environ')})))
}

/** The argv of this test's own processes holds the mark, too; a dyno's first word is the mark. */
async function pidNamespaceOf(mark: string): Promise<string> {
  const found = (await processes()).find(({argv}) => argv.startsWith(mark))
  return found ? readlink(`/proc/${found.pid}/ns/pid`) : 'none'
}

async function inNamespace(namespace: string): Promise<number> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const links = await Promise.all(pids.map(pid => readlink(`/proc/${pid}/ns/pid`).catch(() => '')))
  return links.filter(link => link === namespace).length
}

function proc(pid: string, name: string): Promise<string> {
  return readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => '')
}
