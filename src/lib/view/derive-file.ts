import fs from 'node:fs'
import {bufferSource, fileSource, patchableFile} from '../scan/byte-source.ts'
import {MAGIC_LENGTH, containerOf, isSealed, type Container} from '../scan/container.ts'
import {repairSums} from '../scan/repair-sums.ts'
import {endsLikeZip} from '../scan/zip.ts'
import type {DiskPath} from './entry.ts'
import {STORE_MTIME, fileMode} from './canonical-modes.ts'
import {holds, opposite, rewriteChunk, type Rewriting} from './rewriting.ts'

/** Bytes read at a time: what a processor's cache holds. Most files of a store are smaller and need one read. */
export const CHUNK = 256 * 1024

/** Makes `target` from the file `source`: a hard link where nothing needs rewriting, else a rewritten copy. */
export type DeriveFile = (source: DiskPath, target: DiskPath) => Made

/** How a file was made; `ino` is that of a source that has other names, else null. */
export type Made = {kind: 'copied'; ino: number | null} | {kind: 'linked'}

/** What a derivation tells of on its way. */
export interface Observer {
  /** Called for each file that holds others, compressed or archived: it reads like one, but nobody has looked inside. */
  onContainer?: (source: DiskPath) => void
  /** Called for each file or symlink that the opposite rewriting would not bring back: it holds what cannot be told from what this one made. */
  onAmbiguous?: () => void
  /** Called for each folder that is named like what is rewritten (`…/app/.nixs`): names stay as they are. */
  onNamedLike?: (source: DiskPath) => void
  /** Called every few milliseconds of work. */
  onProgress?: () => void
}

/**
 * A deriver of files with a buffer of its own, so that memory does not grow with the number or the size of files.
 * What is compressed is linked, whatever its bytes say: they are summed.
 */
export function fileDeriver(rewriting: Rewriting, observer: Observer = {}): DeriveFile {
  const buffer = Buffer.allocUnsafe(CHUNK + rewriting.window)
  return (source, target) => {
    const input = fs.openSync(source, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW)
    try {
      if (rewriteInto(rewriting, buffer, input, target, {...observer, onContainer: () => observer.onContainer?.(source)})) {
        const {nlink, ino} = fs.fstatSync(input)
        return {kind: 'copied', ino: nlink > 1 ? ino : null}
      }
    } finally {
      fs.closeSync(input)
    }

    return linkFile(source, target)
  }
}

/** A hard link, or a copy where the file system has no more links to give (ext4: 65 000 a file). */
export function linkFile(source: DiskPath, target: DiskPath): Made {
  try {
    fs.linkSync(source, target)
    return {kind: 'linked'}
  } catch (error) {
    if (!isOneOf(error, 'EMLINK', 'EXDEV')) throw error
    const {mode} = fs.statSync(source)
    fs.copyFileSync(source, target, fs.constants.COPYFILE_EXCL)
    fs.utimesSync(target, STORE_MTIME, STORE_MTIME)
    fs.chmodSync(target, fileMode(mode))
    return {kind: 'copied', ino: null}
  }
}

interface FileObserver extends Observer {
  onContainer: () => void
}

/** Whether there was anything to rewrite; if not, `target` was not made. */
function rewriteInto(rewriting: Rewriting, buffer: Buffer, input: number, target: DiskPath, observer: FileObserver): boolean {
  let output: number | null = null
  try {
    let written = 0
    let kept = 0
    let container: Container | null = null
    for (;;) {
      observer.onProgress?.()
      const read = fill(input, buffer, kept)
      const end = kept + read
      const isEnd = end < buffer.length
      if (written + kept === 0) container = containerOf(buffer.subarray(0, Math.min(end, MAGIC_LENGTH)))
      if (isSealed(container)) {
        observer.onContainer()
        return false
      }

      if (isEnd && (container !== null || endsLikeZip(bufferSource(buffer.subarray(0, end))))) observer.onContainer()

      if (observer.onAmbiguous && holds(opposite(rewriting), buffer.subarray(0, end), isEnd)) observer.onAmbiguous()
      const {decided, matches, isOneWay} = rewriteChunk(rewriting, buffer.subarray(0, end), isEnd)
      if (isOneWay) observer.onAmbiguous?.()
      if (matches > 0 && output === null) {
        output = fs.openSync(target, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL, 0o600)
        copyStart(input, output, written)
      }

      if (output !== null) writeAll(output, buffer, decided)
      written += decided
      if (isEnd) break
      buffer.copyWithin(0, decided, end)
      kept = end - decided
    }

    if (output === null) return false
    repairSums(fileSource(input), patchableFile(output))
    // Set before the file gets its final name, and through the descriptor: nobody ever sees it writable.
    fs.futimesSync(output, STORE_MTIME, STORE_MTIME)
    fs.fchmodSync(output, fileMode(fs.fstatSync(input).mode))
    return true
  } finally {
    if (output !== null) fs.closeSync(output)
  }
}

/** Fills the buffer from `start`; fewer bytes than there is room for means the end of the file. */
function fill(input: number, buffer: Buffer, start: number): number {
  let total = 0
  while (start + total < buffer.length) {
    const read = fs.readSync(input, buffer, start + total, buffer.length - start - total, null)
    if (read === 0) break
    total += read
  }

  return total
}

function writeAll(output: number, buffer: Buffer, length: number): void {
  for (let done = 0; done < length;) done += fs.writeSync(output, buffer, done, length - done)
}

/** Copies what was read before the first match, which is still in the page cache. */
function copyStart(input: number, output: number, length: number): void {
  const piece = Buffer.allocUnsafe(Math.min(length, CHUNK))
  for (let done = 0; done < length;) {
    const read = fs.readSync(input, piece, 0, Math.min(piece.length, length - done), done)
    if (read === 0) throw new Error('a file of the store became shorter while it was read')
    writeAll(output, piece, read)
    done += read
  }
}

export function isOneOf(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
