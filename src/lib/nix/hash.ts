import {decodeBase32} from './base32.ts'

/** Bytes of a hash, by algorithm. */
const SIZES: Readonly<Record<string, number>> = {md5: 16, sha1: 20, sha256: 32, sha512: 64, blake3: 32}

export interface NixHash {
  algorithm: string
  bytes: Buffer
}

/**
 * Reads a hash as Nix does (nix: src/libutil/hash.cc): `sha256-BASE64` (SRI), `sha256:TEXT`, or TEXT alone with the algorithm
 * given; TEXT is base-16, Nix's base-32 or base-64, told apart by its length. Throws for anything else.
 */
export function parseNixHash(text: string, algorithm: string | undefined): NixHash {
  const [, named, separator, rest] = /^([a-z0-9]+)([-:])(.*)$/s.exec(text) ?? []
  const isNamed = named !== undefined && named in SIZES
  const name = isNamed ? named : algorithm
  const size = name === undefined ? undefined : SIZES[name]
  if (name === undefined || size === undefined) throw new Error(`hash ${JSON.stringify(text)} has no algorithm that Nix knows`)
  const digits = isNamed ? rest ?? '' : text
  const bytes = decode(digits, size, separator === '-' && isNamed)
  if (bytes?.length !== size) throw new Error(`hash ${JSON.stringify(text)} has a wrong length for ${name}`)
  return {algorithm: name, bytes}
}

function decode(digits: string, size: number, isSri: boolean): Buffer | null {
  if (!isSri && digits.length === size * 2 && /^[0-9a-fA-F]+$/.test(digits)) return Buffer.from(digits, 'hex')
  if (!isSri && digits.length === Math.ceil((size * 8) / 5)) return Buffer.from(decodeBase32(digits))
  if (digits.length === Math.ceil(size / 3) * 4 && /^[0-9A-Za-z+/]+=*$/.test(digits)) return Buffer.from(digits, 'base64')
  return null
}
