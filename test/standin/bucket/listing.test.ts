import {expect} from 'chai'
import fc from 'fast-check'
import {listKeys} from '../../../standin/bucket/listing.ts'
import {SortedKeys, compareUtf8} from '../../../standin/bucket/sorted-keys.ts'

const anyKey = fc.array(fc.constantFrom('a', 'b', '/', 'é', '｡', '🦊'), {minLength: 1, maxLength: 6}).map(letters => letters.join(''))
// Short, so that many have a common beginning.
const anyText = fc.string({unit: 'binary', maxLength: 3})

describe('a listing', () => {
  it('is in the order of UTF-8 bytes', () => {
    fc.assert(fc.property(anyText, anyText, (a, b) => {
      expect(Math.sign(compareUtf8(a, b))).to.equal(Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }))
  })

  it('follows keys that come and go', () => {
    fc.assert(fc.property(fc.array(anyKey), fc.array(anyKey), fc.array(anyKey), (start, added, deleted) => {
      const sorted = new SortedKeys(new Set(start))
      added.forEach(key => sorted.add(key))
      deleted.forEach(key => sorted.delete(key))
      const expected = [...new Set([...start, ...added])].filter(key => !deleted.includes(key))
      expect([...sorted.from('')]).to.deep.equal(expected.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
    }))
  })

  it('has each key or its group once over all pages, whatever the size of a page', () => {
    fc.assert(fc.property(fc.uniqueArray(anyKey, {maxLength: 30}), fc.constantFrom('', 'a', 'a/', '/', '🦊'), fc.constantFrom('', '/', 'b/'), fc.integer({min: 1, max: 5}), (all, prefix, delimiter, maxKeys) => {
      const sorted = new SortedKeys(all)
      const items: string[] = []
      for (let after: string | null = ''; after !== null;) {
        const page: ReturnType<typeof listKeys> = listKeys(sorted, {prefix, delimiter, after, maxKeys})
        expect(page.keys.length + page.commonPrefixes.length).to.be.at.most(maxKeys)
        items.push(...page.keys, ...page.commonPrefixes)
        after = page.next
      }

      const end = (key: string) => delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
      const expected = new Set(all.filter(key => key.startsWith(prefix)).map(key => end(key) === -1 ? key : key.slice(0, end(key) + delimiter.length)))
      expect(items).to.have.length(expected.size)
      expect(new Set(items)).to.deep.equal(expected)
    }))
  })
})
