const MAGIC = 0xfd2fb528
const SKIPPABLE = 0x184d2a5

/** What is wanted next of the stream: bytes to look at, bytes to pass over, or nothing, because a frame ends here. */
type Step = {look: number} | {skip: number} | 'end'

/**
 * Cuts the pieces of a zstd stream where frames end, so that no part reaches from one into the next. What is no zstd stream
 * comes out as it is. (Format: RFC 8878, section 3.1.)
 */
export function frameCutter(): (piece: Buffer) => Buffer[] {
  const steps = walkFrames()
  let step: Step = steps.next().value
  let seen: Buffer = Buffer.alloc(0)

  return piece => {
    const parts: Buffer[] = []
    let start = 0
    let at = 0
    while (at < piece.length) {
      if (step === 'end') {
        if (at > start) parts.push(piece.subarray(start, at))
        start = at
        step = steps.next().value
      } else if ('skip' in step) {
        const count = Math.min(step.skip, piece.length - at)
        at += count
        step = count === step.skip ? steps.next().value : {skip: step.skip - count}
      } else {
        const part = piece.subarray(at, at + step.look - seen.length)
        at += part.length
        seen = seen.length === 0 ? part : Buffer.concat([seen, part])
        if (seen.length < step.look) continue
        step = steps.next(seen).value
        seen = Buffer.alloc(0)
      }
    }

    if (at > start) parts.push(piece.subarray(start))
    return parts
  }
}

function* walkFrames(): Generator<Step, never, Buffer> {
  for (;;) {
    const magic = (yield {look: 4}).readUInt32LE()
    if (magic >>> 4 === SKIPPABLE) {
      yield {skip: (yield {look: 4}).readUInt32LE()}
    } else if (magic === MAGIC) {
      const descriptor = (yield {look: 1}).readUInt8()
      yield {skip: headerLength(descriptor)}
      for (let last = false; !last;) {
        const block = (yield {look: 3}).readUIntLE(0, 3)
        last = (block & 1) === 1
        // Of a block that repeats a byte, that alone is there.
        yield {skip: (block >>> 1 & 3) === 1 ? 1 : block >>> 3}
      }

      if ((descriptor & 4) !== 0) yield {skip: 4}
    } else {
      yield {skip: Infinity}
    }

    yield 'end'
  }
}

/** Of what follows the descriptor: window, dictionary, size. */
function headerLength(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0
  const size = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6] ?? 0
  return (isSingleSegment ? 0 : 1) + dictionary + size
}
