import type {ByteSource} from '../scan/byte-source.ts'
import {fromBytes, type ByteString} from '../slug/byte-string.ts'
import {elfBytes, type ElfBytes} from './elf-bytes.ts'

/** A text in a file. */
export interface Placed {
  text: ByteString
  /** bytes from the file's start */
  offset: number
}

/** What a loader reads of a program or a shared library. */
export interface Elf {
  /** the program's own loader */
  interpreter: Placed | null
  needed: Placed[]
  soname: ByteString | null
  /** folders where libraries are looked for, before LD_LIBRARY_PATH and for what the libraries need too */
  rpath: Placed[]
  /** folders where libraries are looked for; with these, `rpath` counts for nothing */
  runpath: Placed[]
  /** places of constant data: [first byte, end) */
  constants: readonly (readonly [number, number])[]
}

const ET_EXEC = 2
const ET_DYN = 3
const PT_LOAD = 1
const PT_DYNAMIC = 2
const PT_INTERP = 3
const PF_WRITE = 2
const DT = {NULL: 0, NEEDED: 1, STRTAB: 5, STRSZ: 10, SONAME: 14, RPATH: 15, RUNPATH: 29}

/** Above what linkers make; a file that says more is not worth its time. */
const MAX_SEGMENTS = 512
const MAX_DYNAMIC = 1 << 20
const MAX_STRINGS = 64 << 20
const MAX_TEXT = 64 << 10

/**
 * Reads an ELF file as a dynamic loader does: by its segments, so that a stripped section table hides nothing.
 * (Libraries for this on npm read whole files and every symbol, by sections; none is kept up.)
 * @returns null: it is no ELF file, or neither program nor shared library, or it is damaged
 */
export function readElf(source: ByteSource): Elf | null {
  const elf = elfBytes(source)
  if (elf === null) return null
  try {
    const segments = readSegments(elf)
    return segments === null ? null : describe(elf, segments)
  } catch (error) {
    // A field that lies outside of what could be read: the file is cut off or was made to confuse.
    if (error instanceof RangeError) return null
    throw error
  }
}

interface Segment {
  type: number
  flags: number
  offset: number
  address: number
  /** bytes in the file */
  size: number
}

function readSegments({is64, bytes, fields}: ElfBytes): Segment[] | null {
  const header = fields(bytes(0, 64))
  const type = header.half(16)
  if (type !== ET_EXEC && type !== ET_DYN) return null
  const [offset, entrySize, count] = is64 ? [header.address(32), header.half(54), header.half(56)] : [header.address(28), header.half(42), header.half(44)]
  if (count > MAX_SEGMENTS || entrySize < (is64 ? 56 : 32)) return null
  const table = fields(bytes(offset, count * entrySize))
  return Array.from({length: count}, (_, index) => {
    const at = index * entrySize
    return is64
      ? {type: table.word(at), flags: table.word(at + 4), offset: table.address(at + 8), address: table.address(at + 16), size: table.address(at + 32)}
      : {type: table.word(at), offset: table.address(at + 4), address: table.address(at + 8), size: table.address(at + 16), flags: table.word(at + 24)}
  })
}

function describe(elf: ElfBytes, segments: readonly Segment[]): Elf {
  const loaded = segments.filter(({type}) => type === PT_LOAD)
  const constants = loaded.filter(({flags}) => (flags & PF_WRITE) === 0).map(({offset, size}) => [offset, offset + size] as const)
  const interpreter = segments.find(({type}) => type === PT_INTERP)
  const {strings, tags} = readDynamic(elf, segments.find(({type}) => type === PT_DYNAMIC), loaded)
  const texts = (tag: number) => tags.filter(([found]) => found === tag).map(([, at]) => strings(at)).filter(text => text !== null)
  return {
    interpreter: interpreter === undefined ? null : textAt(elf.bytes(interpreter.offset, Math.min(interpreter.size, MAX_TEXT)), 0, interpreter.offset),
    needed: texts(DT.NEEDED),
    soname: texts(DT.SONAME)[0]?.text ?? null,
    rpath: texts(DT.RPATH).flatMap(folders),
    runpath: texts(DT.RUNPATH).flatMap(folders),
    constants,
  }
}

interface Dynamic {
  tags: [tag: number, value: number][]
  strings: (at: number) => Placed | null
}

function readDynamic({is64, bytes, fields}: ElfBytes, dynamic: Segment | undefined, loaded: readonly Segment[]): Dynamic {
  const tags: Dynamic['tags'] = []
  const width = is64 ? 8 : 4
  const buffer = dynamic === undefined ? Buffer.alloc(0) : bytes(dynamic.offset, Math.min(dynamic.size, MAX_DYNAMIC))
  const table = fields(buffer)
  for (let at = 0; at + 2 * width <= buffer.length; at += 2 * width) {
    const tag = table.address(at)
    if (tag === DT.NULL) break
    tags.push([tag, table.address(at + width)])
  }

  const value = (wanted: number) => tags.find(([tag]) => tag === wanted)?.[1]
  const [address, size] = [value(DT.STRTAB), value(DT.STRSZ)]
  const home = loaded.find(segment => address !== undefined && address >= segment.address && address < segment.address + segment.size)
  if (address === undefined || home === undefined) return {tags, strings: () => null}
  const offset = home.offset + (address - home.address)
  const known = bytes(offset, Math.min(size ?? MAX_TEXT, MAX_STRINGS))
  return {tags, strings: at => textAt(known, at, offset)}
}

/** @returns null where no NUL ends it, or it begins outside */
function textAt(bytes: Buffer, at: number, offset: number): Placed | null {
  const end = at < bytes.length ? bytes.indexOf(0, at) : -1
  return end === -1 || end - at > MAX_TEXT ? null : {text: fromBytes(bytes.subarray(at, end)), offset: offset + at}
}

/** The parts of `a:b:c`; empty ones, which mean the working directory, are nowhere in a store. */
function folders({text, offset}: Placed): Placed[] {
  const found: Placed[] = []
  let at = 0
  for (const part of text.split(':')) {
    if (part !== '') found.push({text: part as ByteString, offset: offset + at})
    at += part.length + 1
  }

  return found
}
