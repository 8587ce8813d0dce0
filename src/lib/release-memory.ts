import {setFlagsFromString} from 'node:v8'
import {runInNewContext} from 'node:vm'

/** Bytes of buffers that nobody uses any more, after which they are collected. */
const MUCH = 4 * 1024 * 1024

/**
 * Gives a buffer's memory back at once. The garbage collector would do so some time, but it begins a round, on threads of its own
 * too, for every 64 MB of buffers that were made: where gigabytes go through buffers, that took a fifth of all CPU time.
 * @param piece one whose memory nobody else has a view on; it is empty afterwards
 */
export function releaseMemory({buffer}: Uint8Array): void {
  // Small ones lie together in one, which Node lets nobody take away.
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0)
}

/** Pieces that are used until the next is asked for, and no longer. */
export async function* released(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  for await (const piece of pieces) {
    yield piece
    releaseMemory(piece)
  }
}

/**
 * The same for buffers that are out of reach, as those into which sockets are read: by a collection of young objects, which takes a
 * millisecond where the one that would come of itself takes fifty, on all cores.
 */
export function leaveGarbage(bytes: number): void {
  garbage += bytes
  if (garbage < MUCH) return
  garbage = 0
  collect ??= collector()
  collect({type: 'minor'})
}

let garbage = 0
let collect: NodeJS.GCFunction | null = null

/** V8 gives it to contexts that are made after it was asked to. Where it does not, garbage is collected when V8 pleases. */
function collector(): NodeJS.GCFunction {
  setFlagsFromString('--expose-gc')
  return runInNewContext('typeof gc === "function" ? gc : () => undefined') as NodeJS.GCFunction
}
