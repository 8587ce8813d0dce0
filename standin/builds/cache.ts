import {createReadStream, createWriteStream, existsSync, mkdirSync} from 'node:fs'
import {rename, rm} from 'node:fs/promises'
import {join} from 'node:path'
import type {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'

/** The build cache of each app, as one tar that is replaced whole. */
export class BuildCaches {
  readonly #dir: string

  constructor(dir: string) {
    mkdirSync(dir, {recursive: true})
    this.#dir = dir
  }

  /** null where there is none */
  read(appId: string): Readable | null {
    const file = this.#file(appId)
    return existsSync(file) ? createReadStream(file) : null
  }

  /** Takes a new one, which takes the place of the old when `whole` resolves to true. */
  async replace(appId: string, bytes: Readable, whole: Promise<boolean>): Promise<void> {
    const partial = `${this.#file(appId)}.partial`
    try {
      await pipeline(bytes, createWriteStream(partial, {mode: 0o600}))
      if (await whole) await rename(partial, this.#file(appId))
    } finally {
      await rm(partial, {force: true})
    }
  }

  async remove(appId: string): Promise<void> {
    await rm(this.#file(appId), {force: true})
  }

  #file(appId: string): string {
    return join(this.#dir, `${appId}.tar`)
  }
}
