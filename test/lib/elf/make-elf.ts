export interface ElfParts {
  interpreter?: string
  needed?: readonly string[]
  soname?: string
  rpath?: string
  runpath?: string
  /** constant data, after all else */
  constants?: string
}

const AT = 0x10000

/** A shared library that no machine runs, but that has in it what a loader reads. */
export function makeElf({interpreter, needed = [], soname, rpath, runpath, constants = ''}: ElfParts, {is64, little}: {is64: boolean; little: boolean}): Buffer {
  const width = is64 ? 8 : 4
  const number = (value: number, size: number) => {
    const bytes = Buffer.alloc(size)
    if (little) bytes.writeUIntLE(value, 0, Math.min(size, 6))
    else bytes.writeUIntBE(value, size - Math.min(size, 6), Math.min(size, 6))
    return bytes
  }
  const half = (value: number) => number(value, 2)
  const word = (value: number) => number(value, 4)
  const address = (value: number) => number(value, width)

  let strings = '\0'
  const tags: [number, number][] = []
  const add = (tag: number, text: string | undefined) => {
    if (text === undefined) return
    tags.push([tag, strings.length])
    strings += `${text}\0`
  }
  for (const name of needed) add(1, name)
  add(14, soname)
  add(15, rpath)
  add(29, runpath)

  const [headerSize, entrySize] = is64 ? [64, 56] : [52, 32]
  const texts = `${interpreter ?? ''}\0${strings}${constants}`
  const textsAt = headerSize + 3 * entrySize
  const dynamicAt = textsAt + texts.length
  const stringsAt = textsAt + (interpreter?.length ?? 0) + 1
  const dynamic = Buffer.concat([...tags, [5, AT + stringsAt], [10, strings.length], [0, 0]].flat().map(value => address(value)))
  const segment = (type: number, flags: number, offset: number, size: number) => Buffer.concat(is64
    ? [word(type), word(flags), address(offset), address(AT + offset), address(AT + offset), address(size), address(size), address(1)]
    : [word(type), address(offset), address(AT + offset), address(AT + offset), address(size), address(size), word(flags), address(1)])
  const segments = [segment(1, 4, 0, dynamicAt), segment(2, 6, dynamicAt, dynamic.length), interpreter === undefined ? segment(0, 0, 0, 0) : segment(3, 4, textsAt, interpreter.length + 1)]
  const header = Buffer.concat([
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, little ? 1 : 2, 1, ...Array<number>(9).fill(0)]),
    half(3), half(62), word(1), address(0), address(headerSize), address(0), word(0), half(headerSize), half(entrySize), half(segments.length), half(0), half(0), half(0),
  ])
  return Buffer.concat([header, ...segments, Buffer.from(texts, 'latin1'), dynamic])
}
