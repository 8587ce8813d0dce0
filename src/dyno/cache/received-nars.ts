import fs from 'node:fs'
import {rm} from 'node:fs/promises'
import {pipeline} from 'node:stream/promises'
import type {PackedNar} from '../../lib/cache/pack-nar.ts'
import {narExtension, type Compression} from '../../lib/closure/compression.ts'
import {contentHash} from '../../lib/closure/content-hash.ts'
import {plural} from '../../lib/output/plural.ts'
import {formatBytes} from '../../lib/output/units.ts'

/** What a client sent cannot be taken: an answer, and not a failure of ours. */
export class NotTaken extends Error {
  readonly status: number

  constructor(status: number, reason: string) {
    super(reason)
    this.status = status
  }
}

/** NARs that were put and whose narinfo has not come yet, on disk. */
export interface ReceivedNars {
  /** @param name `FILEHASH.nar.zst` @throws NotTaken where the bytes are not what the name says */
  receive(name: string, body: AsyncIterable<Buffer>): Promise<void>
  /** By its name. */
  get(name: string): ReceivedNar | null
  discard(name: string): Promise<void>
}

/** The narinfo says how it is compressed. */
export type ReceivedNar = Omit<PackedNar, 'body' | 'compression'> & {body: {file: string}}

/** Compressed; a larger one than Nix itself takes in one piece from S3. */
const MAX_WAITING = 4 * 1024 ** 3

const ENDINGS = (['br', 'bzip2', 'gzip', 'none', 'xz', 'zstd'] satisfies Compression[]).map(narExtension)

/** @param folder made when it is missing */
export function receivedNars(folder: string, {maxBytes = MAX_WAITING}: {maxBytes?: number} = {}): ReceivedNars {
  const received = new Map<string, ReceivedNar>()
  let waiting = 0
  let count = 0

  async function discard(name: string): Promise<void> {
    const nar = received.get(name)
    if (!nar) return
    received.delete(name)
    waiting -= nar.fileSize
    await rm(nar.body.file, {force: true})
  }

  return {
    async receive(name, body) {
      const [, digest = '', ending = ''] = /^([0-9a-df-np-sv-z]{52})\.(nar(?:\.\w+)?)$/.exec(name) ?? []
      if (!ENDINGS.includes(ending)) throw new NotTaken(400, `nar/${name} is no name of a NAR: nar/FILEHASH.${ENDINGS.join(', ')}`)
      fs.mkdirSync(folder, {recursive: true})
      const file = `${folder}/${digest}-${count++}`
      const hash = contentHash()
      async function* watched(): AsyncGenerator<Buffer, void> {
        for await (const piece of body) {
          if (waiting + piece.length > maxBytes) throw new NotTaken(507, `nar/${name} cannot be taken: there is room for ${formatBytes(maxBytes)}, and ${plural(received.size, 'other NAR')} wait${received.size === 1 ? 's' : ''} for ${received.size === 1 ? 'its narinfo' : 'their narinfos'}`)
          waiting += piece.length
          hash.update(piece)
          yield piece
        }
      }

      try {
        await pipeline(watched(), fs.createWriteStream(file, {flags: 'wx'}))
        const fileHash = hash.digest()
        if (fileHash !== `sha256:${digest}`) throw new NotTaken(400, `nar/${name} is not what its name says: its hash is ${fileHash}`)
        await discard(name)
        received.set(name, {body: {file}, fileHash, fileSize: hash.size})
      } catch (error) {
        waiting -= hash.size
        await rm(file, {force: true})
        throw error
      }
    },

    get: name => received.get(name) ?? null,
    discard,
  }
}
