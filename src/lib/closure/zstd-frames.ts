const MAGIC = 0xfd2fb528
const SKIPPABLE = 0x184d2a5

/** The most that stands in front of a frame's first block. */
export const MAX_FRAME_HEADER = 18

/** Bytes of one frame. */
export interface FramePart {
  bytes: Buffer
  /** they are its last */
  endsFrame: boolean
}

/** What is wanted next of the stream: bytes to look at, bytes to pass over, or nothing, because a frame ends here. */
type Step = {look: number} | {skip: number} | 'end'

/**
 * Cuts the pieces of a zstd stream where frames end, so that no part reaches from one into the next. What is no zstd stream
 * comes out as it is. (Format: RFC 8878, section 3.1.)
 */
export function frameCutter(): (piece: Buffer) => FramePart[] {
  const steps = walkFrames()
  let step: Exclude<Step, 'end'> = {look: 0}
  let seen: Buffer = Buffer.alloc(0)

  /** Goes on to the next step that wants bytes. @param onEnd called where a frame ends before it */
  function advance(onEnd: () => void): void {
    let next = steps.next(seen).value
    while (next === 'end' || 'skip' in next && next.skip === 0) {
      if (next === 'end') onEnd()
      next = steps.next(seen).value
    }

    step = next
    seen = Buffer.alloc(0)
  }

  advance(() => undefined)
  return piece => {
    const parts: FramePart[] = []
    let start = 0
    let at = 0
    const cut = (endsFrame: boolean) => {
      parts.push({bytes: piece.subarray(start, at), endsFrame})
      start = at
    }

    while (at < piece.length) {
      if ('skip' in step) {
        const count = Math.min(step.skip, piece.length - at)
        at += count
        step = {skip: step.skip - count}
        if (step.skip === 0) advance(() => cut(true))
      } else {
        const part = piece.subarray(at, at + step.look - seen.length)
        at += part.length
        seen = Buffer.concat([seen, part])
        if (seen.length === step.look) advance(() => cut(true))
      }
    }

    if (at > start) cut(false)
    return parts
  }
}

/**
 * Bytes that a frame says it holds.
 * @param frame its beginning, of MAX_FRAME_HEADER bytes or all of it
 * @returns null where it says nothing, or is no frame
 */
export function frameSize(frame: Buffer): number | null {
  if (frame.length < 6) return null
  const magic = frame.readUInt32LE()
  if (magic >>> 4 === SKIPPABLE) return 0
  const descriptor = frame.readUInt8(4)
  const length = sizeLength(descriptor)
  const at = 5 + headerLength(descriptor) - length
  if (magic !== MAGIC || length === 0 || frame.length < at + length) return null
  if (length === 8) return Number(frame.readBigUInt64LE(at))
  return frame.readUIntLE(at, length) + (length === 2 ? 256 : 0)
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
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0
  return (isSingleSegment(descriptor) ? 0 : 1) + dictionary + sizeLength(descriptor)
}

function sizeLength(descriptor: number): number {
  return [isSingleSegment(descriptor) ? 1 : 0, 2, 4, 8][descriptor >>> 6] ?? 0
}

const isSingleSegment = (descriptor: number) => (descriptor & 0x20) !== 0
