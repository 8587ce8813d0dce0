import {expect} from 'chai'
import {recordStore} from '../../../src/lib/build/record-store.ts'
import {memoryBucket} from '../bucket/memory-bucket.ts'
import {FAILED, PENDING, RUNNING, SUCCEEDED} from './records.ts'

const CLAIM = RUNNING.claim
const KEY = 'heroku/apps/example-app/builds/20261123-093000-ab12/build.json'

async function failureOf(request: Promise<unknown>): Promise<unknown> {
  return request.then(() => 'It did not fail.', (error: unknown) => error)
}

describe('recordStore', () => {
  it('creates a record once', async () => {
    const bucket = memoryBucket()
    const records = recordStore(bucket, 'example-app')
    await records.create(PENDING)
    expect(JSON.parse(bucket.objects.get(KEY)?.toString() ?? '')).to.deep.equal(PENDING)
    expect(await failureOf(records.create({...PENDING, buildFlags: ''}))).to.have.property('code', 'BUILD_EXISTS')
  })

  it('takes its own create, sent twice because the answer got lost, for one', async () => {
    const bucket = memoryBucket()
    const records = recordStore(bucket, 'example-app')
    await records.create(PENDING)
    await records.create(PENDING)
    expect((await records.require(PENDING.id)).record).to.deep.equal(PENDING)
  })

  it('knows no build that is not there', async () => {
    const records = recordStore(memoryBucket(), 'example-app')
    expect(await records.read(PENDING.id)).to.equal(null)
    expect(await failureOf(records.require(PENDING.id))).to.include({code: 'NO_SUCH_BUILD', message: 'example-app has no build 20261123-093000-ab12.'})
  })

  it('refuses a record that was put in another\'s place', async () => {
    const bucket = memoryBucket()
    bucket.objects.set(KEY, Buffer.from(JSON.stringify({...PENDING, id: '20261123-093000-zzzz'})))
    expect(await failureOf(recordStore(bucket, 'example-app').claim(PENDING.id, CLAIM))).to.include({
      code: 'BAD_RECORD', message: `${KEY} is the record of another build, 20261123-093000-zzzz of example-app.`,
    })
    bucket.objects.set(KEY, Buffer.from(JSON.stringify({...PENDING, app: 'other-app'})))
    expect(await failureOf(recordStore(bucket, 'example-app').read(PENDING.id))).to.have.property('code', 'BAD_RECORD')
  })

  it('refuses what is no record', async () => {
    const bucket = memoryBucket()
    bucket.objects.set(KEY, Buffer.from('{'))
    expect(await failureOf(recordStore(bucket, 'example-app').read(PENDING.id))).to.include({code: 'BAD_RECORD', message: `${KEY} is not JSON.`})
  })

  it('writes no record that it would refuse to read', async () => {
    const bucket = memoryBucket()
    await failureOf(recordStore(bucket, 'example-app').create({...PENDING, toolbox: 'none'}))
    expect(bucket.objects.size).to.equal(0)
  })

  it('lets one of several claims win and tells the others whose it is', async () => {
    const records = recordStore(memoryBucket(), 'example-app')
    await records.create(PENDING)
    const results = await Promise.all([1, 2, 3].map(n => records.claim(PENDING.id, {...CLAIM, nonce: `n${n}`})))
    const winners = results.filter(({kind}) => kind === 'claimed')
    expect(winners).to.have.length(1)
    const nonce = winners[0]?.record.state === 'running' ? winners[0].record.claim.nonce : ''
    for (const result of results.filter(({kind}) => kind === 'taken')) {
      expect(result.record).to.have.nested.property('claim.nonce', nonce)
    }
  })

  it('claims only what is pending', async () => {
    const bucket = memoryBucket()
    bucket.objects.set(KEY, Buffer.from(JSON.stringify(FAILED)))
    expect(await recordStore(bucket, 'example-app').claim(PENDING.id, CLAIM)).to.deep.equal({kind: 'taken', record: FAILED})
  })

  it('holds a claim whose answer got lost', async () => {
    const bucket = memoryBucket()
    const records = recordStore({
      ...bucket,
      async put(key, body, options) {
        await bucket.put(key, body, options)
        // The client sends it again, and is refused by what it has written itself.
        return options?.condition === 'absent' ? {kind: 'stored', etag: ''} : {kind: 'refused'}
      },
    }, 'example-app')
    await records.create(PENDING)
    expect(await records.claim(PENDING.id, CLAIM)).to.have.property('kind', 'claimed')
  })

  it('replaces only the version that was read', async () => {
    const records = recordStore(memoryBucket(), 'example-app')
    await records.create(PENDING)
    const {etag} = await records.require(PENDING.id)
    const first = await records.replace(RUNNING, etag)
    expect(first?.record).to.deep.equal(RUNNING)
    expect(await records.replace(FAILED, etag)).to.equal(null)
    expect((await records.require(PENDING.id)).record).to.deep.equal(RUNNING)
  })

  describe('the newest succeeded build', () => {
    const LATER = {...SUCCEEDED, id: '20261124-093000-ab12'}
    const {tree, commit} = SUCCEEDED.source

    async function withBuilds(...advanced: (typeof SUCCEEDED)[]) {
      const bucket = memoryBucket()
      for (const record of [SUCCEEDED, LATER]) {
        bucket.objects.set(`heroku/apps/example-app/builds/${record.id}/build.json`, Buffer.from(JSON.stringify(record)))
      }

      const records = recordStore(bucket, 'example-app')
      for (const record of advanced) {
        await records.advancePointers(record)
      }

      return {bucket, records}
    }

    for (const [order, advanced] of [['in order', [SUCCEEDED, LATER]], ['the older one last', [LATER, SUCCEEDED]]] as const) {
      it(`is the later one, finished ${order}`, async () => {
        const {records} = await withBuilds(...advanced)
        for (const pointer of [{tree}, {commit: commit ?? ''}, 'newest'] as const) {
          expect(await records.pointed(pointer)).to.equal(LATER.id)
          expect((await records.newestSucceeded(pointer))?.record).to.deep.equal(LATER)
        }
      })
    }

    for (const [name, id, createdAt, newer] of [
      ['a later millisecond, whatever its id', '20261123-093000-aa00', '2026-11-23T09:30:00.001Z', true],
      ['an earlier millisecond, whatever its id', '20261123-093000-zz99', '2026-11-23T09:29:59.999Z', false],
      ['the same millisecond and a greater id', '20261123-093000-zz99', '2026-11-23T09:30:00.000Z', true],
    ] as const) {
      it(`is ${newer ? '' : 'not '}one that was ordered in the same second at ${name}`, async () => {
        const other = {...SUCCEEDED, id, createdAt}
        for (const order of [[SUCCEEDED, other], [other, SUCCEEDED]]) {
          const bucket = memoryBucket()
          const records = recordStore(bucket, 'example-app')
          for (const record of order) {
            bucket.objects.set(`heroku/apps/example-app/builds/${record.id}/build.json`, Buffer.from(JSON.stringify(record)))
            await records.advancePointers(record)
          }

          expect(await records.pointed('newest')).to.equal(newer ? id : SUCCEEDED.id)
        }
      })
    }

    it('of a tree can be asked for with its flags', async () => {
      const other = {...LATER, buildFlags: '-A other'}
      const {bucket, records} = await withBuilds(SUCCEEDED)
      bucket.objects.set(`heroku/apps/example-app/builds/${other.id}/build.json`, Buffer.from(JSON.stringify(other)))
      await records.advancePointers(other)
      const of = async (pointer: Parameters<typeof records.newestSucceeded>[0]) => (await records.newestSucceeded(pointer))?.record.id ?? null
      expect([await of({tree}), await of({tree, flags: SUCCEEDED.buildFlags}), await of({tree, flags: '-A other'}), await of({tree, flags: ''})])
        .to.deep.equal([other.id, SUCCEEDED.id, other.id, null])
    })

    it('is none of another tree', async () => {
      const {records} = await withBuilds(SUCCEEDED)
      expect(await records.newestSucceeded({tree: 'f'.repeat(40)})).to.equal(null)
    })

    it('is none where its record was deleted, or its pointer holds no id', async () => {
      const {bucket, records} = await withBuilds(SUCCEEDED)
      bucket.objects.delete(KEY)
      expect(await records.newestSucceeded('newest')).to.equal(null)
      bucket.objects.set('heroku/apps/example-app/newest', Buffer.from('../../x'))
      expect(await records.newestSucceeded('newest')).to.equal(null)
      await records.advancePointers(SUCCEEDED)
      expect(await records.pointed('newest')).to.equal(SUCCEEDED.id)
    })

    it('has no pointer of a commit when none holds the tree', async () => {
      const {bucket} = await withBuilds({...SUCCEEDED, source: {...SUCCEEDED.source, commit: null}})
      expect([...bucket.objects.keys()].filter(key => key.includes('/commits/'))).to.deep.equal([])
    })
  })

  it('lists ids once each, oldest first', async () => {
    const bucket = memoryBucket()
    for (const key of ['20261124-093000-ab12/build.json', '20261123-093000-ab12/build.json', '20261123-093000-ab12/log/000001', 'junk/x']) {
      bucket.objects.set(`heroku/apps/example-app/builds/${key}`, Buffer.from(''))
    }

    const ids: string[] = []
    for await (const id of recordStore(bucket, 'example-app').ids()) {
      ids.push(id)
    }

    expect(ids).to.deep.equal(['20261123-093000-ab12', '20261124-093000-ab12'])
  })
})
