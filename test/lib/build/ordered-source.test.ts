import {expect} from 'chai'
import {orderedSource, orderSource, requireOrderedSource} from '../../../src/lib/build/ordered-source.ts'

const SOURCE = {tree: '7'.repeat(40), commit: '8'.repeat(40), sha256: 'b'.repeat(64)}

describe('the source that a dyno is told to build', () => {
  it('comes from its variables as it went there', () => {
    for (const source of [SOURCE, {...SOURCE, commit: null}]) expect(orderedSource(orderSource(source))).to.deep.equal(source)
  })

  for (const [what, source] of [['no digest', {...SOURCE, sha256: ''}], ['half a tree', {...SOURCE, tree: '7'.repeat(39)}], ['a branch for a commit', {...SOURCE, commit: 'main'}]] as const) {
    it(`is refused with ${what}`, () => {
      expect(() => orderedSource(orderSource(source))).to.throw('was not started by nix:build')
    })
  }

  it('is what the record must name', () => {
    requireOrderedSource('B', SOURCE, {...SOURCE})
    for (const other of [{...SOURCE, commit: null}, {...SOURCE, tree: '9'.repeat(40)}, {...SOURCE, sha256: 'c'.repeat(64)}]) {
      expect(() => {
        requireOrderedSource('B', other, SOURCE)
      }).to.throw('somebody changed it in the bucket')
    }
  })
})
