import {expect} from 'chai'
import fc from 'fast-check'
import {TO_STORE, TO_VIEW, holds, opposite, rewriteChunk, rewriteText, toStoreOnly, type Rewriting} from '../../../src/lib/view/rewriting.ts'

const HASH = '6f6had9j0i1g00p64sfs94jbm2pcfvbj'

const WIDE: Record<string, (text: string) => Buffer> = {
  'UTF-16LE': text => Buffer.from(text, 'utf16le'),
  'UTF-16BE': text => Buffer.from(text, 'utf16le').swap16(),
  'UTF-32LE': text => utf32be(text).swap32(),
  'UTF-32BE': utf32be,
}

describe('rewriting to the view', () => {
  for (const [what, from, to] of [
    ['a store path', `/nix/store/${HASH}-x/bin/x`, `/app/.nixs/${HASH}-x/bin/x`],
    ['two side by side', `/nix/store/${HASH}-x:/nix/store/${HASH}-y`, `/app/.nixs/${HASH}-x:/app/.nixs/${HASH}-y`],
    ['one glued to a flag', `-I/nix/store/${HASH}-x`, `-I/app/.nixs/${HASH}-x`],
    ['the bare directory', '/nix/store', '/app/.nixs'],
    ['the bare directory with a slash', '"/nix/store/*"', '"/app/.nixs/*"'],
    ['the bare directory in a flag', '-ffile-prefix-map=/nix/store=/x', '-ffile-prefix-map=/app/.nixs=/x'],
    ['one within another', '/nix/store/nix/store', '/app/.nixs/app/.nixs'],
    ['one whose slashes JSON escaped', String.raw`{"src": "\/nix\/store\/${HASH}-x\/lib"}`, String.raw`{"src": "\/app\/.nixs\/${HASH}-x\/lib"}`],
    ['the bare directory in a regular expression', String.raw`s/\/nix\/store\/[a-z0-9]*-//`, String.raw`s/\/app\/.nixs\/[a-z0-9]*-//`],
    ['a regular expression in quotes', String.raw`"\\/nix\\/store\\/"`, String.raw`"\\/app\\/.nixs\\/"`],
    ['not a longer name whose slashes are escaped', String.raw`\/nix\/stores`, String.raw`\/nix\/stores`],
    ['not what has no slash before it: an archive is unpacked anywhere', `nix/store/${HASH}-x`, `nix/store/${HASH}-x`],
    ['not a folder of a longer name', '/nix/stores /nix/store-old /nix/store.old', '/nix/stores /nix/store-old /nix/store.old'],
    ['not another folder', '/nix/var', '/nix/var'],
  ] as const) {
    it(`rewrites ${what}`, () => {
      expect(rewriteText(TO_VIEW, from)).to.equal(to)
    })

    for (const [encoding, encode] of from.includes('\\') ? [] : Object.entries(WIDE)) {
      it(`rewrites ${what} in ${encoding}`, () => {
        expect(whole(TO_VIEW, encode(from))).to.deep.equal(encode(to))
      })
    }
  }
})

describe('rewriting to the store', () => {
  for (const [what, from, to] of [
    ['a path of the view', `/app/.nixs/${HASH}-x`, `/nix/store/${HASH}-x`],
    ['the bare directory', 'NIX_STORE=/app/.nixs\n', 'NIX_STORE=/nix/store\n'],
    ['one that JSON escaped', String.raw`"\/app\/.nixs\/${HASH}-x"`, String.raw`"\/nix\/store\/${HASH}-x"`],
    ['a path without its first slash, as tar has it', `app/.nixs/${HASH}-x/bin`, `nix/store/${HASH}-x/bin`],
    ['not the bare directory without its first slash', 'app/.nixs app/.nixs/x', 'app/.nixs app/.nixs/x'],
    ['not what only begins like it', '/app/.nixs.old /app/.nixscope', '/app/.nixs.old /app/.nixscope'],
  ] as const) {
    it(`rewrites ${what}`, () => {
      expect(rewriteText(TO_STORE, from)).to.equal(to)
    })
  }

  it('gives back whatever was rewritten to the view', () => {
    fc.assert(fc.property(bytesWithPaths(['/nix/store', String.raw`\/nix\/store`, HASH, '/', '\\', '-', 'x', '.', '\0', 'é']), bytes => {
      expect(whole(TO_STORE, whole(TO_VIEW, bytes))).to.deep.equal(bytes)
    }))
  })
})

describe('rewriting a fixed output', () => {
  const known = toStoreOnly([HASH])
  const other = HASH.replace('6', '7')

  for (const [what, from, to] of [
    ['a known path', `/app/.nixs/${HASH}-x`, `/nix/store/${HASH}-x`],
    ['not the bare directory', 'const VIEW = "/app/.nixs"', 'const VIEW = "/app/.nixs"'],
    ['not a path that is no input', `/app/.nixs/${other}-x`, `/app/.nixs/${other}-x`],
    ['not a hash without a name', `/app/.nixs/${HASH}/x`, `/app/.nixs/${HASH}/x`],
    ['not a path that is cut off', `/app/.nixs/${HASH}`, `/app/.nixs/${HASH}`],
    ['a known path that JSON escaped', String.raw`\/app\/.nixs\/${HASH}-x \/app\/.nixs\/${other}-x`, String.raw`\/nix\/store\/${HASH}-x \/app\/.nixs\/${other}-x`],
    ['a known path without its first slash', `app/.nixs/${HASH}-x app/.nixs/${other}-x`, `nix/store/${HASH}-x app/.nixs/${other}-x`],
  ] as const) {
    it(`rewrites ${what}`, () => {
      expect(rewriteText(known, from)).to.equal(to)
    })

    if (!from.startsWith('/app')) continue

    it(`rewrites ${what} in UTF-32BE`, () => {
      expect(whole(known, utf32be(from))).to.deep.equal(utf32be(to))
    })
  }
})

describe('rewriting in pieces', () => {
  for (const [name, rewriting, words] of [
    ['to the view', TO_VIEW, ['/nix/store', String.raw`\/nix\/store`, '/nix/sto', '/', '\\', HASH, '-', 's', '\0']],
    ['to the store', TO_STORE, ['/app/.nixs', String.raw`\\/app\\/.nixs`, 'app/.nixs/', '/app/.ni', '/', HASH, '-', 's', '\0']],
    ['of a fixed output', toStoreOnly([HASH]), ['/app/.nixs/', 'app/.nixs/', HASH, '-x', '/', '\0']],
  ] as const) {
    it(`gives ${name} what rewriting at once gives, wherever the pieces end`, () => {
      fc.assert(fc.property(bytesWithPaths(words), fc.array(fc.integer({min: 1, max: 200}), {minLength: 1}), (bytes, sizes) => {
        expect(inPieces(rewriting, bytes, sizes)).to.deep.equal(whole(rewriting, bytes))
      }), {numRuns: 300})
    })
  }

  it('decides nothing that what follows could change', () => {
    const {decided} = rewriteChunk(TO_VIEW, Buffer.from('............/nix/store'), false)
    expect(decided).to.be.at.most(12)
  })
})

describe('what could mean either tree', () => {
  for (const [what, rewriting, text, is] of [
    ['a store path in what is mapped back', TO_STORE, `see /nix/store/${HASH}-x`, true],
    ['a path of the view in what is relocated', TO_VIEW, `see /app/.nixs/${HASH}-x`, true],
    ['nothing in what this rewriting rewrites', TO_STORE, `see /app/.nixs/${HASH}-x`, false],
  ] as const) {
    it(`is ${what}`, () => {
      const found = [Buffer.from(text), ...Object.values(WIDE).map(encode => encode(text))].map(bytes => holds(opposite(rewriting), bytes, true))
      expect(found).to.deep.equal([is, is, is, is, is])
    })
  }

  it('is what does not come back as it was: all else does', () => {
    fc.assert(fc.property(bytesWithPaths(['/nix/store', '/app/.nixs', 'app/.nixs/', String.raw`\/app\/.nixs`, HASH, '/', '-', 'x', '.', '\0']), bytes => {
      const canonical = Buffer.from(bytes)
      const {isOneWay} = rewriteChunk(TO_STORE, canonical, true)
      if (!holds(TO_VIEW, bytes, true) && !isOneWay) expect(whole(TO_VIEW, canonical)).to.deep.equal(bytes)
    }))
  })
})

function utf32be(text: string): Buffer {
  const bytes = Buffer.alloc(text.length * 4)
  for (let n = 0; n < text.length; n++) bytes.writeUInt32BE(text.charCodeAt(n), n * 4)
  return bytes
}

function bytesWithPaths(words: readonly string[]): fc.Arbitrary<Buffer> {
  const encoded = [(text: string) => Buffer.from(text), ...Object.values(WIDE)]
  const piece = fc.oneof(
    fc.tuple(fc.array(fc.constantFrom(...words), {maxLength: 6}), fc.constantFrom(...encoded)).map(([texts, encode]) => encode(texts.join(''))),
    fc.uint8Array({maxLength: 60}).map(bytes => Buffer.from(bytes)),
  )
  return fc.array(piece, {maxLength: 12}).map(pieces => Buffer.concat(pieces))
}

function whole(rewriting: Rewriting, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  rewriteChunk(rewriting, copy, true)
  return copy
}

/** As a file is read: undecided bytes stay in front of the next piece. */
function inPieces(rewriting: Rewriting, bytes: Buffer, sizes: readonly number[]): Buffer {
  const done: Buffer[] = []
  let rest = Buffer.alloc(0)
  let at = 0
  for (let n = 0; at < bytes.length; n++) {
    const piece = bytes.subarray(at, at + (sizes[n % sizes.length] ?? 1))
    at += piece.length
    const chunk = Buffer.concat([rest, piece])
    const {decided} = rewriteChunk(rewriting, chunk, at === bytes.length)
    done.push(chunk.subarray(0, decided))
    rest = chunk.subarray(decided)
  }

  return Buffer.concat([...done, rest])
}
