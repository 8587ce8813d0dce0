import fs from 'node:fs'
import {toBytes, type ByteString} from '../slug/byte-string.ts'
import {STORE_MTIME} from '../view/canonical-modes.ts'
import {join, type DiskPath} from '../view/entry.ts'
import type {ViewEntry} from './view-entries.ts'

/** Writes one path's entries below a folder's temporary name, with a store's modes and times. */
export class TreeWriter {
  files = 0
  bytes = 0
  isEmpty = true
  readonly #root: string
  readonly #prefix: number
  readonly #folders: DiskPath[] = []

  constructor(root: string, baseName: string) {
    this.#root = root
    this.#prefix = baseName.length
  }

  async write(entry: ViewEntry): Promise<void> {
    this.isEmpty = false
    const place = this.#placeOf(entry.path)
    switch (entry.kind) {
      case 'directory':
        fs.mkdirSync(place, 0o700)
        this.#folders.push(place)
        break
      case 'symlink':
        fs.symlinkSync(toBytes(entry.target), place)
        fs.lutimesSync(place, STORE_MTIME, STORE_MTIME)
        break
      case 'file':
        await this.#writeFile(place, entry)
        break
    }
  }

  /** Read-only at last, from the innermost folder outwards. */
  finish(): void {
    for (const folder of this.#folders.reverse()) {
      fs.utimesSync(folder, STORE_MTIME, STORE_MTIME)
      fs.chmodSync(folder, 0o555)
    }
  }

  async #writeFile(place: DiskPath, {executable, size, writeTo}: Extract<ViewEntry, {kind: 'file'}>): Promise<void> {
    const file = fs.openSync(place, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL, 0o600)
    try {
      await writeTo(file)
      fs.futimesSync(file, STORE_MTIME, STORE_MTIME)
      fs.fchmodSync(file, executable ? 0o555 : 0o444)
    } finally {
      fs.closeSync(file)
    }

    this.files++
    this.bytes += size
  }

  #placeOf(path: ByteString): DiskPath {
    const rest = toBytes(path).subarray(this.#prefix + 1)
    return rest.length === 0 ? this.#root : join(this.#root, rest)
  }
}
