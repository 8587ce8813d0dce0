import {createReadStream} from 'node:fs'
import {stat} from 'node:fs/promises'
import {finished, pipeline} from 'node:stream/promises'
import {createGunzip} from 'node:zlib'

import {extract} from 'tar-stream'

import type {SlugInspection} from './contract.ts'

/** https://devcenter.heroku.com/articles/slug-compiler#slug-size */
export const SLUG_LIMIT = 500 * 1024 * 1024

/** A slug may hold a million files outside ./app; a report need not. */
const NAMED_AT_MOST = 100

/** Reads a slug from end to end without unpacking it. Never throws for a bad one. */
export async function inspectSlug(file: string, limit: number = SLUG_LIMIT): Promise<SlugInspection> {
  const {size} = await stat(file)
  if (size > limit) {
    // The wording of Heroku's own slug compiler.
    return {kind: 'refused', reason: `Compiled slug size: ${mebibytes(size)} is too large (max is ${mebibytes(limit)}).`}
  }

  const found = new Members()
  const archive = extract()
  archive.on('entry', (header, body, next) => {
    found.add(header.name, header.type)
    body.on('end', next)
    // The archive reports the same error.
    body.on('error', () => undefined)
    body.resume()
  })
  try {
    await Promise.all([pipeline(createReadStream(file), createGunzip(), archive), finished(archive)])
  } catch (error) {
    return {kind: 'refused', reason: `The slug is not a whole tar.gz: ${(error as Error).message}.`}
  }

  const reason = found.problem()
  return reason === null
    ? {kind: 'ok', compressedSize: size, droppedOutsideApp: found.dropped}
    : {kind: 'refused', reason}
}

class Members {
  readonly dropped: string[] = []
  private inside = false
  private climbing: string | null = null
  private replaced: string | null = null

  add(name: string, type: string): void {
    const parts = name.replace(/^\.\//, '').replace(/\/+$/, '').split('/')
    if (parts.length === 1 && (parts[0] === '' || parts[0] === '.')) {
      return
    }

    if (parts[0] !== 'app') {
      if (this.dropped.length < NAMED_AT_MOST) {
        this.dropped.push(name)
      }

      return
    }

    this.inside = true
    if (parts.includes('..')) {
      this.climbing ??= name
    }

    if (parts.length === 1 && type !== 'directory') {
      this.replaced ??= type
    }
  }

  problem(): string | null {
    if (this.climbing !== null) {
      return `The slug's member ${JSON.stringify(this.climbing)} climbs out of its folder.`
    }

    if (this.replaced !== null) {
      return `The slug's ./app is a ${this.replaced}, not a directory.`
    }

    return this.inside ? null : 'The slug holds no ./app.'
  }
}

function mebibytes(bytes: number): string {
  const amount = bytes / 1024 / 1024
  return `${Number.isInteger(amount) ? amount : amount.toFixed(1)}M`
}
