import {parentPort} from 'node:worker_threads'
import {piecePool} from '../closure/piece-pool.ts'
import {zstdCompressors} from '../closure/zstd-compressors.ts'
import {failureOf} from '../thread-failure.ts'
import type {FromThread, ToThread} from './nar-packer.ts'
import {packNar} from './pack-nar.ts'

// The thread of narPacker: it reads and hashes one path after the other, while zlib's threads compress. A path's last pieces are
// compressed while the first of the next one are read; a large path has all of them.

const compressors = zstdCompressors()
// One more is begun for each of the two paths that may be under way.
const pieces = piecePool(compressors.atOnce + 2)
/** the reading of the path that came last */
let turn: Promise<unknown> = Promise.resolve()

parentPort?.on('message', (message: ToThread) => {
  const {promise, resolve} = Promise.withResolvers<unknown>()
  const before = turn
  turn = promise
  void before.then(() => pack(message, () => resolve(null)))
})

async function pack({id, ...unpacked}: ToThread, onAllRead: () => void): Promise<void> {
  try {
    const packed = await packNar(unpacked, {pieces, compressors, onAllRead, onRead: bytes => send({kind: 'read', id, bytes})})
    send({kind: 'packed', id, packed}, packed.body instanceof Uint8Array ? [packed.body.buffer] : [])
  } catch (error) {
    send({kind: 'failed', id, failure: failureOf(error)})
  } finally {
    onAllRead()
  }
}

function send(message: FromThread, transferred: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transferred)
}
