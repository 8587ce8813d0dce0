import fs from 'node:fs'
import type {Readable} from 'node:stream'
import {readNar} from '../closure/nar-reader.ts'
import {badNar} from '../closure/nar-source.ts'
import {toBytes, toText, type ByteString} from '../slug/byte-string.ts'
import {isOneOf} from '../view/derive-file.ts'

/**
 * Unpacks a NAR into `target`, which must not exist. Streams.
 * @throws NixError BAD_NAR
 */
export async function unpackNar(input: Readable, target: string): Promise<void> {
  for await (const entry of readNar(input as AsyncIterable<Uint8Array>)) {
    const place = placeOf(target, entry.path)
    try {
      if (entry.kind === 'folder') fs.mkdirSync(place)
      else if (entry.kind === 'symlink') fs.symlinkSync(toBytes(entry.target), place)
      else await writeFile(place, entry.contents(), entry.executable ? 0o777 : 0o666)
    } catch (error) {
      // Below the target a path may become longer than it was where it came from.
      throw isOneOf(error, 'ENAMETOOLONG') ? badNar(`${JSON.stringify(toText(entry.path).slice(0, 100))}… is longer than Linux takes`) : error
    }
  }
}

function placeOf(target: string, path: ByteString): Buffer {
  return path === '' ? Buffer.from(target) : Buffer.concat([Buffer.from(`${target}/`), toBytes(path)])
}

/** Never over anything, and never through a link. */
async function writeFile(place: Buffer, contents: AsyncIterable<Buffer>, mode: number): Promise<void> {
  const file = fs.openSync(place, fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL, mode)
  try {
    for await (const piece of contents) {
      for (let done = 0; done < piece.length;) done += fs.writeSync(file, piece, done)
    }
  } finally {
    fs.closeSync(file)
  }
}
