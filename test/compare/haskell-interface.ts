/** What differs in two of GHC's interfaces (.hi files) of one module. */
export interface InterfaceDifference {
  /** whose fingerprint differs: `interface hash`, or a declaration's name */
  fingerprints: string[]
  /** bytes of those, in the longer file */
  bytes: number
  /** places where the file says where in it something else is, and what lies between has another length */
  offsets: number
  /** bytes that are neither */
  others: number
}

/** As `ghc --show-iface` writes it: alone in a line before a declaration, or after its name. */
const FINGERPRINT = /^(?: *(.+ hash): )?([0-9a-f]{32})$/
const OFFSET_BYTES = 4

interface Interface {
  bytes: Buffer
  /** what `ghc --show-iface` says of it */
  shown: string
}

/** @throws Error where the texts differ in more than fingerprints, or a fingerprint is not in its file */
export function interfaceDifference(one: Interface, other: Interface): InterfaceDifference {
  const pairs = differingLines(one.shown, other.shown)
  const [a, b] = [masked(one.bytes, pairs.map(pair => pair.hashes[0])), masked(other.bytes, pairs.map(pair => pair.hashes[1]))]
  if (a.bytes.length !== b.bytes.length) throw new Error('what lies between fingerprints has another length')
  let [offsets, others] = [0, 0]
  for (let at = 0; at < a.bytes.length; at++) {
    if (a.bytes[at] === b.bytes[at]) continue
    // A small change of an offset is one of its last byte.
    const start = [3, 2, 1, 0].map(back => at - back).find(place => place >= 0 && isSamePlace(place))
    if (start === undefined) others++
    else {
      offsets++
      at = start + OFFSET_BYTES - 1
    }
  }

  return {fingerprints: pairs.map(({name}) => name), bytes: Math.max(a.masked, b.masked), offsets, others}

  function isSamePlace(place: number): boolean {
    if (place + OFFSET_BYTES > a.bytes.length) return false
    const [to, toOther] = [a.placeOf(a.bytes.readUInt32BE(place)), b.placeOf(b.bytes.readUInt32BE(place))]
    return to !== null && to === toOther
  }
}

function differingLines(one: string, other: string): {name: string; hashes: [string, string]}[] {
  const [lines, linesOfOther] = [one.split('\n'), other.split('\n')]
  if (lines.length !== linesOfOther.length) throw new Error('one interface has more lines than the other')
  return lines.flatMap((line, n) => {
    const match = FINGERPRINT.exec(line)
    const matchOfOther = FINGERPRINT.exec(linesOfOther[n] ?? '')
    if (line === linesOfOther[n]) return []
    const [hash, hashOfOther] = [match?.[2], matchOfOther?.[2]]
    if (hash === undefined || hashOfOther === undefined || match?.[1] !== matchOfOther?.[1]) throw new Error(`the interfaces differ in: ${line}`)
    return [{name: match?.[1] ?? lines[n + 1]?.trim().split(' ', 1)[0] ?? '', hashes: [hash, hashOfOther]}]
  })
}

/** The file with one zero in place of each fingerprint, and where its other bytes are then. */
function masked(bytes: Buffer, fingerprints: readonly string[]): {bytes: Buffer; masked: number; placeOf: (offset: number) => number | null} {
  const found = fingerprints.map(hash => {
    const encoded = encodeFingerprint(hash)
    const start = bytes.indexOf(encoded)
    if (start === -1 || bytes.includes(encoded, start + 1)) throw new Error(`the file does not hold ${hash} once`)
    return {start, end: start + encoded.length}
  }).sort((a, b) => a.start - b.start)
  const parts: Buffer[] = []
  let at = 0
  for (const {start, end} of found) {
    parts.push(bytes.subarray(at, start), Buffer.alloc(1))
    at = end
  }

  return {
    bytes: Buffer.concat([...parts, bytes.subarray(at)]),
    masked: found.reduce((sum, {start, end}) => sum + end - start, 0),
    placeOf(offset) {
      if (offset > bytes.length || found.some(({start, end}) => offset > start && offset < end)) return null
      return offset - found.filter(({end}) => end <= offset).reduce((sum, {start, end}) => sum + end - start - 1, 0)
    },
  }
}

/** Two numbers of 64 bits as LEB128 (ghc: GHC.Utils.Binary, putULEB128), so of 2 to 20 bytes. */
function encodeFingerprint(hash: string): Buffer {
  return Buffer.from([hash.slice(0, 16), hash.slice(16)].flatMap(half => {
    const bytes: number[] = []
    for (let rest = BigInt(`0x${half}`); ; rest >>= 7n) {
      const low = Number(rest & 0x7fn)
      if (rest <= 0x7fn) return [...bytes, low]
      bytes.push(low | 0x80)
    }
  }))
}
