import {connect} from 'node:net'
import {text} from 'node:stream/consumers'

import {expect} from 'chai'

import {dynoSpec, IMAGE_TIMEOUT, reaches, says, testHost, type TestHost} from './support.ts'

const greet = (address: string): string => `perl -MIO::Socket::INET -e '
  my $server = IO::Socket::INET->new(LocalAddr => "${address}", LocalPort => $ENV{PORT}, Listen => 5, ReuseAddr => 1) or die $!;
  $| = 1; print "listening\\n";
  while (my $client = $server->accept) { print $client $ENV{DYNO}; close $client }'`

describe('a web dyno', () => {
  let host: TestHost

  before(async function () {
    this.timeout(IMAGE_TIMEOUT)
    host = await testHost()
  })

  after(() => host[Symbol.asyncDispose]())

  it('is up once it accepts connections at its own address', async () => {
    const dyno = host.start(dynoSpec(`echo waiting; read; ${greet('0.0.0.0')}`, {name: 'web.1', env: {DYNO: 'web.1'}, web: {bootTimeoutMs: 15_000}}))
    await says(dyno, 'waiting')
    expect(dyno.state).to.equal('starting')
    dyno.input.write('go\n')
    await reaches(dyno, 'up')
    expect(dyno.address?.host).to.match(/^127\.(?!0\.0\.1$)/)
    expect(await fetchFrom(dyno.address)).to.equal('web.1')
    dyno.kill()
    expect((await dyno.ended).reason).to.equal('killed')
  })

  it('has not bound its port when it listens on 127.0.0.1 alone: R10', async () => {
    const dyno = host.start(dynoSpec(greet('127.0.0.1'), {web: {bootTimeoutMs: 1500}}))
    await says(dyno, 'listening')
    expect(await dyno.ended).to.deep.equal({status: 137, reason: 'boot-timeout'})
    expect(dyno.state).to.equal('crashed')
  })

  it('is killed when it binds nothing in time, and crashed when it ends by itself', async () => {
    const silent = host.start(dynoSpec('sleep 1000', {web: {bootTimeoutMs: 300}}))
    const short = host.start(dynoSpec('true', {web: {bootTimeoutMs: 10_000}}))
    expect([await silent.ended, await short.ended]).to.deep.equal([{status: 137, reason: 'boot-timeout'}, {status: 0, reason: 'exited'}])
    expect([silent.state, short.state]).to.deep.equal(['crashed', 'crashed'])
  })

  it('has an address and a port that no other has', async () => {
    const dynos = ['web.1', 'web.2', 'web.3'].map(name =>
      host.start(dynoSpec(greet('0.0.0.0'), {name, env: {DYNO: name}, web: {bootTimeoutMs: 15_000}})))
    await Promise.all(dynos.map(dyno => reaches(dyno, 'up')))
    expect(await Promise.all(dynos.map(dyno => fetchFrom(dyno.address)))).to.deep.equal(['web.1', 'web.2', 'web.3'])
    expect(new Set(dynos.map(dyno => dyno.address?.host)).size).to.equal(3)
    expect(new Set(dynos.map(dyno => dyno.address?.port)).size).to.equal(3)
    for (const dyno of dynos) {
      dyno.stop()
    }

    await Promise.all(dynos.map(dyno => dyno.ended))
  })
})

async function fetchFrom(address: {host: string; port: number} | null): Promise<string> {
  if (!address) {
    throw new Error('The dyno has no address.')
  }

  return text(connect(address))
}
