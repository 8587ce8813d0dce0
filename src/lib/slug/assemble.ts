import {createHash} from 'node:crypto'
import {Readable} from 'node:stream'
import {EXIT, NixError} from '../errors.ts'
import {gzipMember} from './gzip-members.ts'

/**
 * Heroku's limit, bytes. Heroku writes "515.2M is too large (max is 500M)", and its slug compiler computes such
 * figures by powers of 1024: https://github.com/heroku/slug-compiler, lib/slug_compiler.rb, log_size.
 */
export const SLUG_LIMIT = 500 * 1024 * 1024

/** The two zero blocks that end a tar archive. */
const ARCHIVE_END = Buffer.alloc(1024)

/** One piece of a slug: complete gzip members, of known size and content. */
export interface SlugPart {
  /** for messages, such as "the layer" */
  what: string
  /** bytes */
  size: number
  /** hex */
  sha256: string
  /** may be called more than once: for the checksum, and again for the upload */
  open: () => Promise<Readable> | Readable
}

export interface Slug {
  /** bytes: the upload's Content-Length */
  size: number
  /** The slug's bytes. The stream fails before its end where a part is not what its size and sha256 say. */
  open: () => Readable
}

/**
 * Joins source part, layer and the archive's end to a slug. No byte is copied or compressed again.
 * @throws NixError SLUG_TOO_LARGE
 */
export async function assembleSlug({sourcePart, layer}: {sourcePart: SlugPart; layer: SlugPart}): Promise<Slug> {
  const bytes = await gzipMember(ARCHIVE_END)
  const end: SlugPart = {what: 'the end', size: bytes.length, sha256: sha256(bytes), open: () => Readable.from([bytes])}
  const size = sourcePart.size + layer.size + end.size
  if (size > SLUG_LIMIT) throw tooLarge(size, {sourcePart, layer})
  return {size, open: () => Readable.from(concatenate([sourcePart, layer, end]), {objectMode: false})}
}

/** Reads the slug once. @returns what `POST /apps/APP/slugs` takes as `checksum` */
export async function slugChecksum(slug: Slug): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of slug.open()) hash.update(chunk as Buffer)
  return `SHA256:${hash.digest('hex')}`
}

async function* concatenate(parts: readonly SlugPart[]): AsyncGenerator<Buffer> {
  for (const part of parts) {
    const hash = createHash('sha256')
    let size = 0
    const stream = await part.open()
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > part.size) break
      hash.update(chunk)
      yield chunk
    }

    const digest = hash.digest('hex')
    if (size !== part.size || digest !== part.sha256) {
      throw new NixError(
        `Of ${part.what}, ${part.size} bytes with sha256 ${part.sha256} were promised; ${size === part.size ? `its sha256 is ${digest}` : `it has ${size > part.size ? 'more' : size}`}.`,
        {code: 'BAD_SLUG_PART', exit: EXIT.verification, suggestions: ['run the same command again; if it fails again: heroku nix:build --force']},
      )
    }
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function tooLarge(size: number, {sourcePart, layer}: {sourcePart: SlugPart; layer: SlugPart}): NixError {
  return new NixError(
    `The slug has ${mebibytes(size)}M (${mebibytes(layer.size)}M are ${layer.what}, ${mebibytes(sourcePart.size)}M are ${sourcePart.what}); Heroku takes at most ${mebibytes(SLUG_LIMIT)}M.`,
    {
      code: 'SLUG_TOO_LARGE', exit: EXIT.slug,
      suggestions: ['drop what the app does not need at run time in .slugexclude, and commit that', 'heroku nix:build'],
    },
  )
}

/** As Heroku writes them ("515.2"), rounded up: what is above the limit must look so. */
function mebibytes(bytes: number): string {
  return String(Math.ceil((bytes / 1024 / 1024) * 10) / 10)
}
