import {expect} from 'chai'
import {PassThrough} from 'node:stream'
import {IncomingMessage} from 'node:http'
import type {ServerResponse} from 'node:http'
import {Socket} from 'node:net'
import {LineSplitter} from '../../../standin/logs/line-splitter.ts'
import {Log} from '../../../standin/logs/log.ts'
import {sendLog} from '../../../standin/logs/log-session.ts'
import type {Harness} from './harness.ts'
import {expectStatus, startHarness} from './harness.ts'

describe('log sessions', () => {
  let heroku: Harness
  let app: string

  before(async () => {
    heroku = await startHarness()
    app = await heroku.createApp()
  })
  after(() => heroku[Symbol.asyncDispose]())

  const session = async (body: object) => (await expectStatus(201, heroku.api<{logplex_url: string}>('POST', `/apps/${app}/log-sessions`, body))).body.logplex_url

  it('follow a log as server-sent events, each line as Heroku writes it', async () => {
    const leave = new AbortController()
    const response = await fetch(await session({tail: true, lines: 0}), {headers: {Accept: 'text/event-stream'}, signal: leave.signal})
    expect(response.headers.get('content-type')).to.equal('text/event-stream')
    await expectStatus(201, heroku.api('POST', `/apps/${app}/dynos`, {command: 'echo one; echo two'}))
    let text = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk
      if (text.includes('complete')) break
    }

    leave.abort()
    const events = text.split('\n\n').filter(Boolean)
    for (const event of events) {
      expect(event).to.match(/^id: \d+\ndata: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 (app|heroku)\[(api|run\.\d{4})\]: .*$/)
    }

    expect(events.map(event => event.replace(/^.*\]: /s, ''))).to.include.members(['one', 'two', 'Process exited with status 0'])
  })

  it('give the newest lines, filtered by source and dyno', async () => {
    const {body} = await expectStatus(201, heroku.api<{name: string}>('POST', `/apps/${app}/dynos`, {command: 'echo one; echo two; echo three'}))
    const url = await session({tail: true, dyno: body.name, lines: 0})
    for await (const chunk of (await fetch(url)).body?.pipeThrough(new TextDecoderStream()) ?? []) if (chunk.includes('complete')) break
    const read = async (filter: object) => (await (await fetch(await session(filter))).text()).split('\n').filter(Boolean).map(line => line.replace(/^\S+ /, ''))
    expect(await read({dyno: body.name, source: 'app', lines: 2})).to.deep.equal([`app[${body.name}]: two`, `app[${body.name}]: three`])
    expect((await read({dyno: 'run', source: 'heroku'})).at(-1)).to.equal(`heroku[${body.name}]: State changed from up to complete`)
    expect(await read({dyno: 'web.1'})).to.deep.equal([])
  })

  it('send a client that comes back only what it has not seen', async () => {
    const url = await session({lines: 1500})
    const all = await (await fetch(url, {headers: {Accept: 'text/event-stream'}})).text()
    const ids = [...all.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))
    const rest = await (await fetch(url, {headers: {Accept: 'text/event-stream', 'Last-Event-ID': String(ids.at(-3))}})).text()
    expect([...rest.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))).to.deep.equal(ids.slice(-2))
  })

  it('are gone after five minutes, and nobody guesses their URLs', async () => {
    const url = await session({})
    expect((await fetch(`${url.slice(0, -1)}x`)).status).to.equal(404)
    heroku.advance(5 * 60_000)
    expect((await fetch(url)).status).to.equal(404)
  })
})

describe('a log', () => {
  it('keeps the newest 1500 lines', () => {
    const log = new Log(() => new Date(0))
    for (let n = 1; n <= 1600; n += 1) log.add('app', 'web.1', `line ${n}`)
    const lines = log.last(5000, {source: null, dyno: null})
    expect([lines.length, lines[0]?.message, lines.at(-1)?.message]).to.deep.equal([1500, 'line 101', 'line 1600'])
  })

  it('leaves lines out for a client that does not read, and says how many (L11)', () => {
    const log = new Log(() => new Date(0))
    const response = Object.assign(new PassThrough({highWaterMark: 1}), {writeHead: () => null, flushHeaders: () => null})
    sendLog({log, filter: {source: null, dyno: null}, lines: 0, tail: true, expires: new Date(0)}, new IncomingMessage(new Socket()), response as unknown as ServerResponse)
    for (let n = 0; n < 2000; n += 1) log.add('app', 'web.1', 'x'.repeat(1000))
    expect(response.writableLength).to.be.lessThan(1_100_000)
    let text = String(response.read(response.readableLength))
    while (response.writableLength > 0) text += String(response.read())
    log.add('app', 'web.1', 'last')
    text += String(response.read())
    expect(text).to.match(/heroku\[logplex\]: Error L11 \(Tail buffer overflow\) -> This tail session dropped \d+ messages\.\n.*last\n$/)
  })
})

describe('lines of a stream', () => {
  for (const [what, chunks, lines] of [
    ['cut anywhere', ['on', 'e\ntw', 'o\n'], ['one', 'two']],
    ['with CR LF', ['one\r\ntwo\r\n'], ['one', 'two']],
    ['without an end', ['one\ntwo'], ['one', 'two']],
    ['with empty ones', ['\n\na\n'], ['', '', 'a']],
  ] as const) {
    it(`are the same when ${what}`, () => {
      const got: string[] = []
      const splitter = new LineSplitter(line => got.push(line))
      for (const chunk of chunks) splitter.write(Buffer.from(chunk))
      splitter.end()
      expect(got).to.deep.equal(lines)
    })
  }

  it('keep characters whose bytes come apart', () => {
    const got: string[] = []
    const splitter = new LineSplitter(line => got.push(line))
    for (const byte of Buffer.from('größe\n')) splitter.write(Buffer.from([byte]))
    expect(got).to.deep.equal(['größe'])
  })
})
