import {readdir, readFile} from 'node:fs/promises'
import {text} from 'node:stream/consumers'

import {expect} from 'chai'

import {dynoSpec, IMAGE_TIMEOUT, reaches, says, testHost, type TestHost} from './support.ts'

describe("a dyno's life", () => {
  let host: TestHost

  before(async function () {
    this.timeout(IMAGE_TIMEOUT)
    host = await testHost()
  })

  after(() => host[Symbol.asyncDispose]())

  for (const {command, status, name} of [
    {command: 'true', status: 0, name: 'success'},
    {command: 'exit 3', status: 3, name: 'its own status'},
    {command: 'kill -TERM $$', status: 143, name: '128 + the signal that ended it'},
    {command: 'kill -KILL $$', status: 137, name: '128 + SIGKILL'},
    {command: 'no-such-program', status: 127, name: "bash's status for an unknown program"},
  ]) {
    it(`ends with ${name}: ${command}`, async () => {
      const {end} = await host.run(command)
      expect(end).to.deep.equal({status, reason: 'exited'})
    })
  }

  it('goes from starting to up to down', async () => {
    const dyno = host.start(dynoSpec('true'))
    const states = [dyno.state]
    dyno.onState(state => states.push(state))
    await dyno.ended
    expect(states).to.deep.equal(['starting', 'up', 'down'])
  })

  it('reads its input to the end and writes output and error into one stream, byte for byte', async () => {
    const dyno = host.start(dynoSpec('cat; echo error >&2; echo output'))
    const bytes = Buffer.from(Array.from({length: 3_000_000}, (_, index) => index * 7919 & 0xff))
    dyno.input.end(bytes)
    const chunks = await dyno.output.toArray() as Buffer[]
    expect(Buffer.concat(chunks).equals(Buffer.concat([bytes, Buffer.from('error\noutput\n')]))).to.equal(true)
  })

  it('can be stopped while nobody reads what it writes', async () => {
    const dyno = host.start(dynoSpec('trap "exit 9" TERM; yes & wait', {graceMs: 300}))
    await reaches(dyno, 'up')
    dyno.stop()
    expect((await dyno.ended).reason).to.equal('stopped')
  })

  it('gets SIGTERM in every process, and may take its time', async () => {
    const child = 'bash -c \'trap "echo child; exit" TERM; echo ready; while :; do sleep 0.05; done\''
    const dyno = host.start(dynoSpec(`trap "wait; echo parent; exit 5" TERM; setsid ${child} & ${child} & wait`))
    let heard = await says(dyno, 'ready')
    if (heard.split('ready').length < 3) {
      heard += await says(dyno, 'ready')
    }

    dyno.stop()
    const rest = await text(dyno.output)
    expect((heard + rest).match(/child/g)).to.have.length(2)
    expect(rest).to.match(/parent\n$/)
    expect(await dyno.ended).to.deep.equal({status: 5, reason: 'stopped'})
  })

  it('is killed when it has not ended after its grace', async () => {
    const dyno = host.start(dynoSpec('trap "echo no" TERM; echo ready; while :; do sleep 1; done', {graceMs: 200}))
    await says(dyno, 'ready')
    const before = performance.now()
    dyno.stop()
    expect(await dyno.ended).to.deep.equal({status: 137, reason: 'stopped'})
    expect(performance.now() - before).to.be.within(200, 5000)
  })

  it('takes every process with it, also one in a session of its own that closed everything', async () => {
    const mark = `mark-${process.pid}-${Date.now()}`
    const dyno = host.start(dynoSpec(`setsid bash -c 'exec -a ${mark} sleep 1000' < /dev/null > /dev/null 2>&1 & until grep -qs sleep /proc/[0-9]*/comm; do :; done; echo ready`))
    const output = text(dyno.output)
    await dyno.ended
    expect(await output).to.equal('ready\n')
    expect(await commandLines()).to.not.include(mark)
  })

  it('gets SIGTERM when its time to live has passed', async () => {
    const {output, end} = await host.run('trap "echo term; exit 0" TERM; while :; do sleep 0.05; done', {timeToLiveMs: 300})
    // bash reports the sleep that got the signal, too.
    expect(output).to.match(/^(?:Terminated\n)?term\n$/)
    expect(end).to.deep.equal({status: 0, reason: 'time-to-live'})
  })

  it('gets SIGHUP when its connection breaks', async () => {
    const dyno = host.start(dynoSpec('trap "echo hup; exit 4" HUP; echo ready; while :; do sleep 0.05; done'))
    await says(dyno, 'ready')
    dyno.hangup()
    expect(await text(dyno.output)).to.match(/^(?:Hangup\n)?hup\n$/)
    expect((await dyno.ended).status).to.equal(4)
  })

  it('ends at once when killed, even before it has started', async () => {
    const dyno = host.start(dynoSpec('sleep 1000'))
    dyno.kill()
    expect(await dyno.ended).to.deep.equal({status: 137, reason: 'killed'})
  })

  it('has a terminal of the asked size, whose Ctrl-D ends the input', async () => {
    const {output, end} = await host.run('tty; stty size; cat; echo $TERM; exit 6', {terminal: {columns: 101, rows: 33}, env: {TERM: 'xterm'}})
    expect(output.replace('^D\b\b', '')).to.equal('/dev/pts/0\r\n33 101\r\nxterm\r\n')
    expect(end.status).to.equal(6)
  })

  it('is interactive on a terminal: Ctrl-C interrupts the program, not the shell', async () => {
    const dyno = host.start(dynoSpec('bash --norc --noprofile', {terminal: {columns: 80, rows: 24}}))
    dyno.input.write('bash -c \'echo started-$((1)); exec sleep 1000\'\n')
    await says(dyno, 'started-1')
    dyno.input.write('\x03')
    await says(dyno, '^C')
    dyno.input.write('echo alive-$((1+1)); exit\n')
    expect(await text(dyno.output)).to.contain('alive-2')
  })

  it('leaves no files behind, whatever modes they have', async () => {
    await using own = await testHost()
    const {end} = await own.run('mkdir -p /app/a/b && echo x > /app/a/b/c && chmod 0 /app/a/b/c /app/a/b /app/a && chmod 0555 /app')
    expect(end.status).to.equal(0)
    await own.close()
    expect(await readdir(own.dir)).to.deep.equal([])
  })
})

async function commandLines(): Promise<string> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  return (await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')))).join('\n')
}
