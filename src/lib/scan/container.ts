/** What holds other content in a form of its own. Known by its first bytes, never by its name. */
export type Container = Compression | 'tar' | 'zip'

/** One stream of compressed bytes, with sums over its content. `lz4` is known, but not looked into. */
export type Compression = 'bzip2' | 'gzip' | 'lz4' | 'xz' | 'zstd'

const MAGIC: readonly (readonly [Container, Buffer])[] = [
  ['gzip', Buffer.from([0x1f, 0x8b, 0x08])],
  ['zip', Buffer.from('PK\u0003\u0004')],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
  ['bzip2', Buffer.from('BZh')],
  ['lz4', Buffer.from([0x04, 0x22, 0x4d, 0x18])],
]

/** After bzip2's magic and its level: the first block, or the end of an empty file. */
const BZIP2_NEXT = [Buffer.from([0x31, 0x41, 0x59, 0x26, 0x53, 0x59]), Buffer.from([0x17, 0x72, 0x45, 0x38, 0x50, 0x90])]

const TAR_BLOCK = 512
const SUM_FIELD = {start: 148, end: 156}

/** As many of a file's first bytes as `containerOf` looks at. */
export const MAGIC_LENGTH = TAR_BLOCK

/** @param start the first MAGIC_LENGTH bytes, or all there are */
export function containerOf(start: Buffer): Container | null {
  const [found] = MAGIC.find(([, magic]) => start.subarray(0, magic.length).equals(magic)) ?? []
  if (found === 'bzip2') return BZIP2_NEXT.some(next => start.subarray(4, 10).equals(next)) ? found : null
  return found ?? (isTarHeader(start) ? 'tar' : null)
}

/** Whether sums over its content make a container worthless when its bytes are changed, and no sum can be mended. */
export function isSealed(container: Container | null): container is Compression {
  return container !== null && container !== 'tar' && container !== 'zip'
}

/** Whether a block is a tar header whose sum is right, in ustar's format or an older one. */
export function isTarHeader(block: Buffer): boolean {
  if (block.length < TAR_BLOCK || block[0] === 0) return false
  const stated = parseOctal(block.subarray(SUM_FIELD.start, SUM_FIELD.end))
  return stated !== null && stated === tarSum(block)
}

/** The sum of a header's bytes, its own field counted as spaces. */
export function tarSum(header: Buffer): number {
  let sum = 0
  for (let n = 0; n < TAR_BLOCK; n++) sum += n >= SUM_FIELD.start && n < SUM_FIELD.end ? 0x20 : header[n] ?? 0
  return sum
}

/** Null where the field holds anything else. */
export function parseOctal(field: Buffer): number | null {
  const [digits] = /^ *([0-7]+)[ \0]*$/.exec(field.toString('latin1'))?.slice(1) ?? []
  return digits === undefined ? null : Number.parseInt(digits, 8)
}
