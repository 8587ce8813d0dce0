import fs from 'node:fs'
import {open, rm} from 'node:fs/promises'
import type {PackedNar} from '../../lib/cache/pack-nar.ts'

/** Keeps compressed NARs that passed by from upstream until they are saved, so that they need not be compressed again. */
export interface Spool {
  /** Null where there is no room; the path is then compressed anew when it is saved. */
  start(hash: string): Promise<Spooling | null>
  /** Gives the NAR away; who takes it discards it. */
  take(hash: string): PackedNar | null
  discard(packed: PackedNar): Promise<void>
}

export interface Spooling {
  write(piece: Buffer): Promise<void>
  finish(nar: Omit<PackedNar, 'body'>): Promise<void>
  cancel(): Promise<void>
}

/**
 * @param folder made when it is missing
 * @param maxBytes that all of them may take
 */
export function spool(folder: string, maxBytes: number): Spool {
  const kept = new Map<string, PackedNar>()
  let bytes = 0
  let count = 0
  fs.mkdirSync(folder, {recursive: true})

  async function discard({body, fileSize}: PackedNar): Promise<void> {
    if (!('file' in body)) return
    bytes -= fileSize
    await rm(body.file, {force: true})
  }

  return {
    async start(hash) {
      if (bytes >= maxBytes) return null
      const path = `${folder}/${hash}-${count++}`
      const file = await open(path, 'wx')
      let written = 0
      return {
        async write(piece) {
          await file.write(piece)
          written += piece.length
          bytes += piece.length
        },
        async finish(nar) {
          await file.close()
          // Nix asks again for what it refused: what came last is what it has.
          const earlier = kept.get(hash)
          if (earlier) await discard(earlier)
          kept.set(hash, {...nar, body: {file: path}})
        },
        async cancel() {
          await file.close()
          await rm(path, {force: true})
          bytes -= written
        },
      }
    },

    take(hash) {
      const packed = kept.get(hash) ?? null
      kept.delete(hash)
      return packed
    },
    discard,
  }
}
