import {expect} from 'chai'
import {page} from '../../../standin/platform/http/paging.ts'

const items = Array.from({length: 1200}, (_, index) => ({version: index + 1, id: `id-${String(index + 1).padStart(4, '0')}`}))
const versions = (range?: string) => (page(items, range, ['version', 'id']).body as typeof items).map(({version}) => version)

describe('paging by the Range header', () => {
  for (const [range, first, last, count] of [
    [undefined, 1, 200, 200],
    ['version ..', 1, 200, 200],
    ['version ..; max=10', 1, 10, 10],
    ['version ..; order=desc,max=1', 1200, 1200, 1],
    ['version ..; max=15, order=desc', 1200, 1186, 15],
    ['version ]200..; max=200', 201, 400, 200],
    ['version 200..; max=2', 200, 201, 2],
    ['version ]1195..; max=3,order=desc', 1194, 1192, 3],
    ['version 3..5', 3, 5, 3],
    ['id id-0002..id-0003', 2, 3, 2],
    ['version ..; max=5000', 1, 1000, 1000],
  ] as const) {
    it(`gives ${first} to ${last} for ${range ?? 'no header'}`, () => {
      const got = versions(range)
      expect([got[0], got.at(-1), got.length]).to.deep.equal([first, last, count])
    })
  }

  it('leads through the whole list by Next-Range, each item once, then answers 200', () => {
    const seen: number[] = []
    let range: string | undefined = 'version ..; max=500, order=desc'
    let status = 206
    while (range !== undefined) {
      const answer = page(items, range, ['version', 'id'])
      seen.push(...(answer.body as typeof items).map(({version}) => version))
      status = answer.status
      range = answer.headers?.['Next-Range']
    }

    expect(seen).to.deep.equal(items.map(({version}) => version).reverse())
    expect(status).to.equal(200)
  })

  it('answers 206 while there is more', () => {
    expect(page(items, undefined, ['version']).status).to.equal(206)
    expect(page(items.slice(0, 3), undefined, ['version'])).to.deep.include({status: 200})
  })

  for (const range of ['size ..', 'version', 'version ..; max=0', 'version ..; order=up', 'version ..; colour=red']) {
    it(`answers 416 to "${range}"`, () => {
      expect(() => page(items, range, ['version', 'id'])).to.throw().with.property('status', 416)
    })
  }
})
