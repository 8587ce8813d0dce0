import {toBytes, type ByteString} from './byte-string.ts'

const BLOCK = 512
const NAME_FIELD = 100
const OCTAL_SIZE_LIMIT = 0o77777777777

const TYPE = {file: '0', symlink: '2', directory: '5', longName: 'L', longTarget: 'K'} as const

export interface TarMember {
  kind: 'directory' | 'file' | 'symlink'
  /** as it stands in the archive; a directory's ends in `/` */
  name: ByteString
  mode: number
  /** bytes; 0 for what is not a file */
  size: number
  /** empty for what is not a symbolic link */
  target: ByteString
}

/**
 * The blocks before a member's content, in GNU tar's format, which is the one Heroku asks for: names of any
 * length and of any bytes, files of any size. Owner 0, no owner's name, mtime 1 as in a Nix store.
 */
export function tarHeader(member: TarMember): Buffer {
  const name = toBytes(member.name)
  const target = toBytes(member.target)
  const blocks: Buffer[] = []
  // A name that fills its field has no end mark; GNU tar reads it, others may not.
  if (target.length >= NAME_FIELD) blocks.push(longField(TYPE.longTarget, target))
  if (name.length >= NAME_FIELD) blocks.push(longField(TYPE.longName, name))
  blocks.push(headerBlock({type: TYPE[member.kind], name, target, mode: member.mode, size: member.size}))
  return blocks.length === 1 ? (blocks[0] as Buffer) : Buffer.concat(blocks)
}

/** How many zero bytes follow a content of this size. */
export function tarPadding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK
}

function longField(type: string, value: Buffer): Buffer {
  const size = value.length + 1
  const header = headerBlock({type, name: Buffer.from('././@LongLink'), target: Buffer.alloc(0), mode: 0o644, size})
  return Buffer.concat([header, value, Buffer.alloc(1 + tarPadding(size))])
}

function headerBlock({type, name, target, mode, size}: {type: string; name: Buffer; target: Buffer; mode: number; size: number}): Buffer {
  const block = Buffer.alloc(BLOCK)
  name.copy(block, 0, 0, NAME_FIELD)
  block.write(octal(mode, 7), 100, 'latin1')
  block.write(octal(0, 7), 108, 'latin1')
  block.write(octal(0, 7), 116, 'latin1')
  writeSize(block, 124, size)
  block.write(octal(1, 11), 136, 'latin1')
  block.fill(' ', 148, 156)
  block.write(type, 156, 'latin1')
  target.copy(block, 157, 0, NAME_FIELD)
  block.write('ustar  \0', 257, 'latin1')
  let sum = 0
  for (const byte of block) sum += byte
  block.write(`${octal(sum, 6)}\0`, 148, 'latin1')
  return block
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}

/** Above 8 GiB eleven octal digits do not hold the size: GNU tar then writes it in binary, the first bit set. */
function writeSize(block: Buffer, at: number, size: number): void {
  if (size <= OCTAL_SIZE_LIMIT) {
    block.write(octal(size, 11), at, 'latin1')
    return
  }

  block[at] = 0x80
  block.writeBigUInt64BE(BigInt(size), at + 4)
}
