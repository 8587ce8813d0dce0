import {expect} from 'chai'
import {isBuildId, makeBuildId} from '../../../src/lib/build/id.ts'

describe('build ids', () => {
  it('are the time in UTC and four signs', () => {
    expect(makeBuildId(new Date('2026-11-23T09:05:07.999Z'), Buffer.from([0, 1, 10, 255]))).to.equal('20261123-090507-01a7')
  })

  it('sort by time', () => {
    const earlier = makeBuildId(new Date('2026-11-23T23:59:59Z'), Buffer.alloc(4, 30))
    expect(earlier < makeBuildId(new Date('2026-11-24T00:00:00Z'), Buffer.alloc(4, 0))).to.equal(true)
  })

  for (const text of ['', '20261123-090507', '20261123-090507-01A2', '20261123-090507-01a2/', '../../x', '20261123-090507-01a2\n']) {
    it(`are not ${JSON.stringify(text)}`, () => {
      expect(isBuildId(text)).to.equal(false)
    })
  }
})
