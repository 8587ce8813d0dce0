import {Readable} from 'node:stream'
import {EXIT, NixError} from '../errors.ts'
import type {Git} from './git.ts'

/** Reads blobs one after the other through one `git cat-file --batch`, in bounded memory. */
export interface BlobReader extends AsyncDisposable {
  /** The blob's bytes; it must be read to its end before the next one is asked for. */
  open(oid: string, size: number): AsyncIterable<Buffer>
}

/** `OID blob SIZE\n`, the bytes, `\n`: https://git-scm.com/docs/git-cat-file#_batch_output */
export function openBlobs(git: Git): BlobReader {
  const child = git.start(['cat-file', '--batch'])
  // A git that ended early is found by reading: its output is at its end.
  child.stdin.on('error', () => undefined)
  child.on('error', () => undefined)
  const chunks = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let rest: Buffer = Buffer.alloc(0)
  const more = async (oid: string) => {
    const next = await chunks.next()
    if (next.done) {
      throw new NixError(`git could not read the object ${oid}.`, {
        code: 'BROKEN_REPOSITORY', exit: EXIT.project, suggestions: ['git fsck', 'git fetch --refetch'],
      })
    }

    return next.value
  }

  return {
    async* open(oid, size) {
      child.stdin.write(`${oid}\n`)
      let newline = rest.indexOf('\n')
      while (newline === -1) {
        rest = Buffer.concat([rest, await more(oid)])
        newline = rest.indexOf('\n')
      }

      const header = rest.subarray(0, newline).toString()
      rest = rest.subarray(newline + 1)
      if (header !== `${oid} blob ${size}`) {
        throw new NixError(`git answered "${header}" for the object ${oid}.`, {
          code: 'BROKEN_REPOSITORY', exit: EXIT.project, suggestions: ['git fsck', 'git fetch --refetch'],
        })
      }

      for (let left = size; left > 0;) {
        if (rest.length === 0) rest = await more(oid)
        const part = rest.subarray(0, left)
        rest = rest.subarray(part.length)
        left -= part.length
        yield part
      }

      if (rest.length === 0) rest = await more(oid)
      rest = rest.subarray(1)
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      child.stdout.destroy()
      if (child.exitCode === null && child.signalCode === null) child.kill()
      await Promise.resolve()
    },
  }
}

/** All of a small blob. */
export async function readBlob(blobs: BlobReader, oid: string, size: number): Promise<Buffer> {
  return Buffer.concat(await Readable.from(blobs.open(oid, size)).toArray() as Buffer[])
}
