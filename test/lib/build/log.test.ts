import {expect} from 'chai'
import {followBuild, type FollowEvent} from '../../../src/lib/build/follow.ts'
import {logWriter, SEGMENT_BYTES} from '../../../src/lib/build/log-writer.ts'
import {recordStore} from '../../../src/lib/build/record-store.ts'
import {redactor} from '../../../src/lib/build/redact.ts'
import {memoryBucket} from '../bucket/memory-bucket.ts'
import {FAILED, PENDING, RUNNING} from './records.ts'

const APP = 'example-app'
const BUILD = PENDING.id
const LOG = `heroku/apps/${APP}/builds/${BUILD}/log/`

/** A writer whose two seconds pass when the test says so. */
function writer(bucket = memoryBucket(), secrets: string[] = []) {
  const tasks = new Set<() => void>()
  const log = logWriter({
    bucket, app: APP, build: BUILD, redactor: redactor(secrets),
    later(task, ms) {
      expect(ms).to.equal(2000)
      tasks.add(task)
      return () => tasks.delete(task)
    },
  })
  const pass = () => {
    for (const task of tasks) {
      tasks.delete(task)
      task()
    }
  }
  const segments = () => [...bucket.objects].filter(([key]) => key.startsWith(LOG)).map(([key, bytes]) => [key.slice(LOG.length), bytes.toString()])
  return {log, bucket, pass, segments, waiting: () => tasks.size}
}

describe('logWriter', () => {
  it('gathers what is written for two seconds into a segment', async () => {
    const {log, pass, segments} = writer()
    await log.write(Buffer.from('one\n'))
    await log.write(Buffer.from('two\n'))
    expect(segments()).to.deep.equal([])
    pass()
    await log.flush()
    expect(segments()).to.deep.equal([['000001', 'one\ntwo\n']])
    await log.write(Buffer.from('three\n'))
    await log.close()
    expect(segments()).to.deep.equal([['000001', 'one\ntwo\n'], ['000002', 'three\n']])
    expect(log.segments).to.equal(2)
  })

  it('sends a full segment at once, and none is larger', async () => {
    const {log, segments} = writer()
    await log.write(Buffer.alloc(2 * SEGMENT_BYTES + 5, 'x'))
    await log.close()
    expect(segments().map(([name, text]) => [name, text?.length])).to.deep.equal([['000001', SEGMENT_BYTES], ['000002', SEGMENT_BYTES], ['000003', 5]])
  })

  it('writes no empty segment', async () => {
    const {log, pass, segments, waiting} = writer()
    await log.write(Buffer.alloc(0))
    expect(waiting()).to.equal(0)
    pass()
    await log.close()
    expect(segments()).to.deep.equal([])
  })

  it('has no gap when one upload is slower than what is written', async () => {
    const bucket = memoryBucket()
    const order: string[] = []
    const {promise: first, resolve: begun} = Promise.withResolvers<unknown>()
    const {promise: slow, resolve: release} = Promise.withResolvers<unknown>()
    const {log, pass} = writer({...bucket, async put(key, body, options) {
      order.push(`start ${key.slice(-1)}`)
      begun(null)
      await slow
      order.push(`end ${key.slice(-1)}`)
      return bucket.put(key, body, options)
    }})
    await log.write(Buffer.from('a'))
    pass()
    await first
    await log.write(Buffer.from('b'))
    pass()
    release(null)
    await log.close()
    expect(order).to.deep.equal(['start 1', 'end 1', 'start 2', 'end 2'])
  })

  it('hides a secret that comes in two pieces', async () => {
    const {log, pass, segments} = writer(memoryBucket(), ['s3cr3t-value'])
    await log.write(Buffer.from('key=s3cr3t'))
    pass()
    await log.flush()
    await log.write(Buffer.from('-value.\n'))
    await log.close()
    expect(segments().map(([, text]) => text).join('')).to.equal('key=[hidden].\n')
  })

  it('fails for good, and says so to whoever writes, when the bucket does', async () => {
    const {log, pass} = writer({...memoryBucket(), put: () => Promise.reject(new Error('bucket down'))})
    await log.write(Buffer.from('a'))
    pass()
    await log.flush().catch(() => undefined)
    expect(await log.write(Buffer.from('b')).catch(String)).to.equal('Error: bucket down')
    expect(await log.close().catch(String)).to.equal('Error: bucket down')
  })
})

describe('followBuild', () => {
  it('gives the log from its start, the record each round, and ends with the finished record and all of the log', async () => {
    const bucket = memoryBucket()
    const records = recordStore(bucket, APP)
    await records.create(PENDING)
    let clock = 0
    const put = (name: string, text: string) => bucket.objects.set(`${LOG}${name}`, Buffer.from(text))
    const set = (record: object) => bucket.objects.set(`heroku/apps/${APP}/builds/${BUILD}/build.json`, Buffer.from(JSON.stringify(record)))
    const rounds = [
      () => {
        set(RUNNING)
        put('000001', 'one\n')
        put('000002', 'two\n')
      },
      () => undefined,
      () => {
        put('000003', 'three\n')
        set(FAILED)
      },
    ]
    const events: FollowEvent[] = []
    const following = followBuild({
      bucket, records, app: APP, build: BUILD, now: () => clock,
      wait() {
        clock += 1000
        rounds.shift()?.()
        return Promise.resolve()
      },
    })
    let step = await following.next()
    for (; !step.done; step = await following.next()) {
      events.push(step.value)
    }

    const shown = events.map(event => event.kind === 'log' ? event.bytes.toString() : `${event.record.state} ${event.unchangedMs}`)
    expect(shown).to.deep.equal(['pending 0', 'one\n', 'two\n', 'running 0', 'running 1000', 'three\n', 'failed 0'])
    expect(step.value).to.deep.equal(FAILED)
  })
})
