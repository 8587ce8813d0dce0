import {expect} from 'chai'
import {createHash, randomBytes} from 'node:crypto'
import {once} from 'node:events'
import {readFileSync} from 'node:fs'
import {connect} from 'node:tls'
import type {TLSSocket} from 'node:tls'
import type {Harness} from './harness.ts'
import {expectStatus, startHarness, until} from './harness.ts'

describe('rendezvous', () => {
  let heroku: Harness
  let app: string

  before(async () => {
    heroku = await startHarness()
    app = await heroku.createApp()
  })
  after(() => heroku[Symbol.asyncDispose]())

  const create = async (body: object) =>
    (await expectStatus(201, heroku.api<{name: string; attach_url: string}>('POST', `/apps/${app}/dynos`, {attach: true, ...body}))).body

  const dial = async (attachUrl: string, {secret, input = ''}: {secret?: string; input?: Buffer | string} = {}): Promise<TLSSocket> => {
    const url = new URL(attachUrl)
    const socket = connect({host: url.hostname, port: Number(url.port), ca: readFileSync(heroku.platform.ca)})
    await once(socket, 'secureConnect')
    socket.write(Buffer.concat([Buffer.from(`${secret ?? url.pathname.slice(1)}\r\n`), Buffer.from(input)]))
    return socket
  }

  const readAll = async (socket: TLSSocket): Promise<Buffer[]> => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    await once(socket, 'close')
    return chunks
  }

  const run = async (body: object, input: Buffer | string = ''): Promise<string> => {
    return Buffer.concat(await readAll(await dial((await create(body)).attach_url, {input}))).toString('latin1')
  }

  it('has a certificate for 127.0.0.1 that verifies with its CA alone', async () => {
    const socket = await dial((await create({command: 'true'})).attach_url)
    expect(socket.authorized).to.equal(true)
    await readAll(socket)
  })

  it('sends the greeting by itself, then what the program writes', async () => {
    for (let n = 0; n < 10; n += 1) {
      const chunks = await readAll(await dial((await create({command: 'echo out; echo err >&2', force_no_tty: true})).attach_url))
      expect(chunks[0]?.toString()).to.equal('rendezvous\r\n')
      expect(Buffer.concat(chunks.slice(1)).toString()).to.equal('out\nerr\n')
    }
  })

  it('brings input that came with the secret, ends it at EOT, and keeps bytes as they are', async () => {
    const bytes = Buffer.from(randomBytes(500_000).filter(byte => byte !== 4))
    const output = await run({command: 'sha256sum', force_no_tty: true}, Buffer.concat([bytes, Buffer.from([4])]))
    expect(output).to.equal(`rendezvous\r\n${createHash('sha256').update(bytes).digest('hex')}  -\n`)
  })

  it('gives a terminal unless force_no_tty', async () => {
    expect(await run({command: 'tty', env: {COLUMNS: 120, LINES: '50'}})).to.match(/^rendezvous\r\n\/dev\/pts\/\d+\r\n$/)
    expect(heroku.started.at(-1)?.terminal).to.deep.equal({columns: 120, rows: 50})
    expect(await run({command: 'tty', force_no_tty: true})).to.equal('rendezvous\r\nnot a tty\n')
    expect(heroku.started.at(-1)?.terminal).to.equal(null)
  })

  it('starts the program when the client has come, not before', async () => {
    const {name, attach_url} = await create({command: 'echo started'})
    expect((await heroku.api('GET', `/apps/${app}/dynos/${name}`)).body['state']).to.equal('starting')
    expect(heroku.started.map(spec => spec.name)).not.to.include(name)
    await readAll(await dial(attach_url))
    expect(heroku.started.map(spec => spec.name)).to.include(name)
  })

  it('hangs up the program when the client goes', async () => {
    const {name, attach_url} = await create({command: 'trap "exit 5" HUP; echo ready; while :; do sleep 0.05; done', force_no_tty: true})
    const socket = await dial(attach_url)
    let text = ''
    for await (const chunk of socket) {
      text += String(chunk)
      if (text.includes('ready')) break
    }

    await until('its end', () => heroku.api('GET', `/apps/${app}/dynos/${name}`), ({status}) => status === 404)
    const log = await heroku.log(app)
    expect(log).to.include(`heroku[${name}]: Client connection closed. Sending SIGHUP to all processes`)
    expect(log).to.include(`heroku[${name}]: Process exited with status 5`)
  })

  it('takes a secret once, and no other', async () => {
    const {attach_url} = await create({command: 'true'})
    expect(await readAll(await dial(attach_url, {secret: 'nonsense'}))).to.deep.equal([])
    await readAll(await dial(attach_url))
    expect(await readAll(await dial(attach_url))).to.deep.equal([])
  })

  it('gives up with R13 on a client that does not come', async () => {
    await heroku.api('PATCH', `/standin/apps/${app}`, {attachTimeoutMs: 50})
    const {name, attach_url} = await create({command: 'true'})
    await until('its end', () => heroku.api('GET', `/apps/${app}/dynos/${name}`), ({status}) => status === 404)
    expect(await heroku.log(app)).to.include(`heroku[${name}]: Error R13 (Attach error) -> Failed to attach to process`)
    expect(await readAll(await dial(attach_url))).to.deep.equal([])
    await heroku.api('PATCH', `/standin/apps/${app}`, {attachTimeoutMs: 60_000})
  })

  it('drops a waiting dyno that is stopped', async () => {
    const {name} = await create({command: 'true'})
    await expectStatus(202, heroku.api('POST', `/apps/${app}/dynos/${name}/actions/stop`))
    expect((await heroku.api('GET', `/apps/${app}/dynos/${name}`)).status).to.equal(404)
  })

  it('tells the exit status to --exit-code also when the command leaves its shell', async () => {
    const marker = '\uFFFF heroku-command-exit-status: '
    const of = async (command: string) => Buffer.from(await run({command: `${command} ; echo "${marker}$?"`, force_no_tty: true}), 'latin1').toString().split('\n').slice(1)
    expect(await of('exit 3')).to.deep.equal([`${marker}3`, ''])
    expect(await of('(exit 4)')).to.deep.equal([`${marker}4`, ''])
    expect(await run({command: 'exit 5', force_no_tty: true})).to.equal('rendezvous\r\n')
  })
})
