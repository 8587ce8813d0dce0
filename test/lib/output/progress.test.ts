import {expect} from 'chai'
import {countBar, progressBar, transferBar} from '../../../src/lib/output/progress.ts'

describe('a progress bar', () => {
  const rows: [done: number, total: number, shown: string][] = [
    [0, 100, '[--------------------] 0 %'],
    [49, 100, '[#########-----------] 49 %'],
    [99.9, 100, '[###################-] 99 %'],
    [100, 100, '[####################] 100 %'],
    [120, 100, '[####################] 100 %'],
    [0, 0, '[####################] 100 %'],
  ]
  for (const [done, total, shown] of rows) {
    it(`is ${shown} for ${done} of ${total}`, () => {
      expect(progressBar(done, total)).to.equal(shown)
    })
  }

  it('of a transfer has its bytes, and is shown when it changes', () => {
    const shown: string[] = []
    const bar = transferBar(2 ** 21, text => shown.push(text))
    for (const bytes of [0, 1, 2, 2 ** 20, 2 ** 20 + 1, 2 ** 21]) bar(bytes)
    expect(shown).to.deep.equal(['[--------------------] 0 %, 0 B of 2.0 MB', '[##########----------] 50 %, 1.0 MB of 2.0 MB', '[####################] 100 %, 2.0 MB of 2.0 MB'])
  })

  it('of things has their number', () => {
    const shown: string[] = []
    countBar(4, 'objects', text => shown.push(text))(1)
    expect(shown).to.deep.equal(['[#####---------------] 25 %, 1 of 4 objects'])
  })
})
