import {expect} from 'chai'
import fc from 'fast-check'
import {readElf} from '../../../src/lib/elf/read-elf.ts'
import {bufferSource} from '../../../src/lib/scan/byte-source.ts'
import {makeElf} from './make-elf.ts'

const LIBRARY = {interpreter: '/nix/store/a/ld.so', needed: ['libc.so.6', 'libm.so.6'], soname: 'libx.so.1', rpath: '/old', runpath: '$ORIGIN/../lib::/nix/store/b/lib'}

describe('an ELF file', () => {
  for (const [name, shape] of [
    ['64 bits, little-endian', {is64: true, little: true}], ['64 bits, big-endian', {is64: true, little: false}],
    ['32 bits, little-endian', {is64: false, little: true}], ['32 bits, big-endian', {is64: false, little: false}],
  ] as const) {
    it(`of ${name} says what its loader reads, and where that stands`, () => {
      const file = makeElf(LIBRARY, shape)
      const elf = readElf(bufferSource(file))
      const texts = [elf?.interpreter, ...elf?.needed ?? [], ...elf?.rpath ?? [], ...elf?.runpath ?? []]
      expect([...texts.map(placed => placed?.text), elf?.soname]).to.deep.equal([
        '/nix/store/a/ld.so', 'libc.so.6', 'libm.so.6', '/old', '$ORIGIN/../lib', '/nix/store/b/lib', 'libx.so.1',
      ])
      for (const placed of texts) expect(file.subarray(placed?.offset).toString('latin1').startsWith(placed?.text ?? '?')).to.equal(true)
    })
  }

  it('may lack all of it', () => {
    expect(readElf(bufferSource(makeElf({}, {is64: true, little: true})))).to.deep.include({interpreter: null, needed: [], soname: null, rpath: [], runpath: []})
  })

  it('is none when it is something else', () => {
    for (const other of ['', '\x7fELF', '#!/bin/sh\n', '\x7fELF'.padEnd(64, '\0')]) expect(readElf(bufferSource(Buffer.from(other, 'latin1')))).to.equal(null)
  })

  it('that was cut off or damaged is read as far as it goes, or not at all', () => {
    fc.assert(fc.property(fc.record({
      shape: fc.record({is64: fc.boolean(), little: fc.boolean()}), cut: fc.nat(600),
      damage: fc.array(fc.record({at: fc.nat(500), value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)}), {maxLength: 8}),
    }), ({shape, cut, damage}) => {
      const file = makeElf(LIBRARY, shape)
      for (const {at, value} of damage) file[4 + at % (file.length - 4)] = value
      expect(() => readElf(bufferSource(file.subarray(0, file.length - cut % file.length)))).not.to.throw()
    }), {numRuns: 1000})
  })
})
