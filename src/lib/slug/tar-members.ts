import {toText, type ByteString} from './byte-string.ts'
import {changed} from './changed.ts'
import type {SlugEntry} from './entry.ts'
import type {GzipMembers} from './gzip-members.ts'
import {tarHeader, tarPadding} from './tar-header.ts'

const ZEROS = Buffer.alloc(512)
const NO_TARGET = '' as ByteString

/** File modes: of a store's files as a NAR has them, or of a project's own. */
export interface FileModes {
  plain: number
  executable: number
}

const STORE_MODES: FileModes = {plain: 0o444, executable: 0o555}
const DIRECTORY_MODE = 0o755
const SYMLINK_MODE = 0o777

/** Writes entries as tar members, in the order in which they come, without the blocks that end an archive. */
export class TarMembers {
  readonly #out: GzipMembers
  readonly #modes: FileModes

  constructor(out: GzipMembers, modes = STORE_MODES) {
    this.#out = out
    this.#modes = modes
  }

  /** @throws NixError FILE_CHANGED when a file is not as long as its entry says */
  async add(entry: SlugEntry): Promise<void> {
    switch (entry.kind) {
      case 'directory':
        await this.#out.write(tarHeader({kind: 'directory', name: `${entry.path}/` as ByteString, mode: DIRECTORY_MODE, size: 0, target: NO_TARGET}))
        break
      case 'symlink':
        await this.#out.write(tarHeader({kind: 'symlink', name: entry.path, mode: SYMLINK_MODE, size: 0, target: entry.target}))
        break
      case 'file':
        await this.#addFile(entry)
        break
    }
  }

  async #addFile(entry: SlugEntry & {kind: 'file'}): Promise<void> {
    const mode = entry.executable ? this.#modes.executable : this.#modes.plain
    await this.#out.write(tarHeader({kind: 'file', name: entry.path, mode, size: entry.size, target: NO_TARGET}))
    let size = 0
    for await (const chunk of entry.read()) {
      size += chunk.length
      if (size > entry.size) break
      await this.#out.write(chunk)
    }

    if (size !== entry.size) {
      throw changed(`${toText(entry.path)} had ${entry.size} bytes and has ${size > entry.size ? 'more' : size} now.`)
    }

    await this.#out.write(ZEROS.subarray(0, tarPadding(size)))
  }
}
