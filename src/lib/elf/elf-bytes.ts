import type {ByteSource} from '../scan/byte-source.ts'

/** Numbers of an ELF file, in its own width and byte order. Every read is checked: the file is anybody's. */
export interface ElfBytes {
  is64: boolean
  /** up to `length` bytes; fewer where the file ends */
  bytes: (at: number, length: number) => Buffer
  fields: (buffer: Buffer) => ElfFields
}

export interface ElfFields {
  half: (at: number) => number
  word: (at: number) => number
  /** an address, an offset or a size; beyond what a number holds exactly, it is no place in a file either */
  address: (at: number) => number
}

/** Identification of an ELF file: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html. @returns null: it is none */
export function elfBytes(source: ByteSource): ElfBytes | null {
  const ident = source.read(0, 16)
  const [wide, order] = [ident[4], ident[5]]
  if (ident.length < 16 || !ident.subarray(0, 4).equals(MAGIC) || !isOneOrTwo(wide) || !isOneOrTwo(order)) return null
  const is64 = wide === 2
  return {
    is64,
    bytes: (at, length) => at >= 0 && at < source.size ? source.read(at, Math.min(length, source.size - at)) : Buffer.alloc(0),
    fields: order === 1 ? littleEndian(is64) : bigEndian(is64),
  }
}

const MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46])

function isOneOrTwo(value: number | undefined): boolean {
  return value === 1 || value === 2
}

function littleEndian(is64: boolean): ElfBytes['fields'] {
  return buffer => ({
    half: at => buffer.readUInt16LE(at),
    word: at => buffer.readUInt32LE(at),
    address: at => is64 ? Number(buffer.readBigUInt64LE(at)) : buffer.readUInt32LE(at),
  })
}

function bigEndian(is64: boolean): ElfBytes['fields'] {
  return buffer => ({
    half: at => buffer.readUInt16BE(at),
    word: at => buffer.readUInt32BE(at),
    address: at => is64 ? Number(buffer.readBigUInt64BE(at)) : buffer.readUInt32BE(at),
  })
}
