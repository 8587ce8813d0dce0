import {readElf, type Elf, type Placed} from '../elf/read-elf.ts'
import type {ByteSource} from '../scan/byte-source.ts'
import {fromBytes, type ByteString} from '../slug/byte-string.ts'
import {findMentions, type PlacedMention, type StorePrefix} from './find-mentions.ts'
import type {FileContent} from './listed-file.ts'
import type {StoreNames} from './store-names.ts'

/** What a file's bytes say, before it is known what they lead to. */
export interface Content {
  what: FileContent
  elf: Elf | null
  /** the words of its first line after `#!` */
  shebang: readonly Placed[]
  /** each path once, where it stands first */
  mentions: readonly PlacedMention[]
}

const HEAD = 4096
/** Of one store path, in one file. A table of contents that names a million files says no more than one that names some. */
const MAX_PATHS = 64

export function describeContent(source: ByteSource, names: StoreNames, prefixes: readonly StorePrefix[]): Content {
  const head = source.read(0, Math.min(HEAD, source.size))
  const isElf = head.subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'))
  const elf = isElf ? readElf(source) : null
  const shebang = shebangWords(head)
  return {
    what: elf !== null ? 'elf' : isElf ? 'object' : shebang.length > 0 ? 'script' : plainContent(head),
    elf, shebang, mentions: distinct(findMentions(source, names, prefixes)),
  }
}

function plainContent(head: Buffer): FileContent {
  if (head.subarray(0, 8).equals(Buffer.from('!<arch>\n')) || head.subarray(0, 8).equals(Buffer.from('!<thin>\n'))) return 'archive'
  return head.includes(0) ? 'data' : 'text'
}

/** Linux reads at most 255 bytes of the line (fs/binfmt_script.c, BINPRM_BUF_SIZE). */
function shebangWords(head: Buffer): Placed[] {
  if (head[0] !== 0x23 || head[1] !== 0x21) return []
  const line = fromBytes(head.subarray(0, 256)).split('\n', 1)[0] ?? ''
  return [...line.slice(2).matchAll(/[^ \t]+/g)].map(({0: text, index}) => ({text: text as ByteString, offset: index + 2}))
}

function distinct(mentions: Iterable<PlacedMention>): PlacedMention[] {
  const found = new Map<string, PlacedMention>()
  const perName = new Map<string, number>()
  for (const mention of mentions) {
    const key = mention.name + mention.rest
    const known = perName.get(mention.name) ?? 0
    if (found.has(key) || known >= MAX_PATHS) continue
    perName.set(mention.name, known + 1)
    found.set(key, mention)
  }

  return [...found.values()].sort((a, b) => a.offset - b.offset)
}
