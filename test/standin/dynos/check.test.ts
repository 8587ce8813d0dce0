import {execFile} from 'node:child_process'
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'

import {expect} from 'chai'

import {jailAdvice} from '../../../standin/dynos/advice.ts'
import {checkJail} from '../../../standin/dynos/check.ts'
import {StandinError} from '../../../standin/errors.ts'
import {ensureImage} from '../../../standin/image/ensure.ts'
import {IMAGE_TIMEOUT} from './support.ts'

const run = promisify(execFile)
const CHECK = new URL('../../../standin/dynos/check.ts', import.meta.url).href
const isRoot = process.getuid?.() === 0

/** What checkJail answers in another process, started by way of the given command. */
async function answerUnder(before: readonly string[], uid: number, env: NodeJS.ProcessEnv = process.env): Promise<{message: string; advice: string[]; took: number}> {
  const program = `const {checkJail} = await import(${JSON.stringify(CHECK)})
    const start = performance.now()
    const {message, advice} = await checkJail(${uid}).then(message => ({message, advice: []}), error => error)
    console.log(JSON.stringify({message, advice, took: performance.now() - start}))`
  const words = [...before, process.execPath, '--input-type=module', '--eval', program]
  const {stdout} = await run('/usr/bin/env', words, {env})
  return JSON.parse(stdout) as {message: string; advice: string[]; took: number}
}

describe('where the machine permits no jail', () => {
  it('nothing stands in the way here', async () => {
    expect(await checkJail()).to.equal(isRoot ? 'root' : 'user')
  })

  it('says within a second how to turn user namespaces on', async () => {
    const {message, advice, took} = await answerUnder(
      ['unshare', '--user', '--map-root-user', 'sh', '-c', 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', 'sh'], 1000)
    expect(message).to.match(/^This machine doesn't permit the jail that dynos run in: bwrap: /)
    expect(advice).to.include('sudo sysctl --write user.max_user_namespaces=15000 kernel.unprivileged_userns_clone=1')
    expect(advice.at(-1)).to.equal('or run the stand-in as root (sudo): it then needs no user namespaces')
    expect(took).to.be.below(1000)
  })

  it('says within a second what a container must be given', async function () {
    if (!isRoot) {
      this.skip()
    }

    const {message, advice, took} = await answerUnder(['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin'], 0)
    expect(message).to.match(/^This machine doesn't permit the jail that dynos run in: bwrap: /)
    expect(advice.join('\n')).to.contain('docker run --privileged').and.to.contain('--cap-add SYS_ADMIN')
    expect(took).to.be.below(1000)
  })

  it('says what to install when there is no bwrap', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'path-'))
    const {message, advice} = await answerUnder([], 1000, {PATH: empty})
    await rm(empty, {recursive: true})
    expect({message, advice}).to.deep.equal({
      message: 'Dynos run in bubblewrap, and there is no bwrap on the PATH.', advice: ['apt-get install bubblewrap   (0.8 or newer)'],
    })
  })

  it("throws the stand-in's own error, so that its advice is printed", async () => {
    const path = process.env['PATH']
    process.env['PATH'] = '/nowhere'
    try {
      await checkJail()
      expect.fail('It found a bwrap.')
    } catch (error) {
      expect(error).to.be.instanceOf(StandinError)
    } finally {
      process.env['PATH'] = path
    }
  })

  for (const {name, facts, first} of [
    {name: "Ubuntu's restriction", facts: {apparmorRestricts: true}, first: /kernel\.apparmor_restrict_unprivileged_userns=0/},
    {name: 'namespaces that are off', facts: {namespacesOff: true}, first: /user\.max_user_namespaces/},
    {name: 'a container', facts: {container: true}, first: /docker run --privileged/},
    {name: 'no known reason', facts: {}, first: /apparmor/},
  ]) {
    it(`names the way out of ${name} first`, () => {
      const [advice] = jailAdvice({privilege: 'user', apparmorRestricts: false, namespacesOff: false, container: false, ...facts})
      expect(advice).to.match(first)
    })
  }
})

describe('an ordinary user', () => {
  it('gets the same jail', async function () {
    this.timeout(IMAGE_TIMEOUT)
    if (!isRoot) {
      this.skip()
    }

    await ensureImage()
    const program = `const {testHost} = await import(${JSON.stringify(new URL('support.ts', import.meta.url).href)})
      const {readdir} = await import('node:fs/promises')
      await using host = await testHost()
      const {output, end} = await host.run('[[ $(whoami) == u$(id -u) ]] && id -gn; unshare --user true; cat /proc/2/maps; touch /x; perl -e "syscall(101, 0, 0, 0, 0)"; ls -a /app; ulimit -u; tty; exit 7',
        {terminal: {columns: 80, rows: 24}, maxThreads: 99, memory: 2 ** 29, env: {LC_ALL: 'C'}})
      const deaf = await host.run('trap "" TERM; sleep 1000', {timeToLiveMs: 100, graceMs: 100})
      await host.run('mkdir -p a/b && chmod 0555 a/b a .')
      await host.close()
      console.log(JSON.stringify({output, status: end.status, deaf: deaf.end, left: await readdir(host.dir)}))`
    const {stdout} = await run('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '--input-type=module', '--eval', program],
      {env: {PATH: process.env['PATH'], HOME: tmpdir()}})
    expect(JSON.parse(stdout)).to.deep.equal({
      output: ['dyno', 'unshare: unshare failed: Operation not permitted', 'cat: /proc/2/maps: Permission denied',
        "touch: cannot touch '/x': Read-only file system", '.  ..', '99', '/dev/pts/0', ''].join('\r\n'),
      status: 7, deaf: {status: 137, reason: 'time-to-live'}, left: [],
    })
  })
})
