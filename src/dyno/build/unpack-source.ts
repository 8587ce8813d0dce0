import {createHash} from 'node:crypto'
import {createWriteStream} from 'node:fs'
import {mkdir, symlink} from 'node:fs/promises'
import {pipeline, Transform, type Readable} from 'node:stream'
import {pipeline as piped} from 'node:stream/promises'
import {createGunzip} from 'node:zlib'
import {EXIT, NixError} from '../../lib/errors.ts'
import {toBytes, type ByteString} from '../../lib/slug/byte-string.ts'
import type {SlugEntry} from '../../lib/slug/entry.ts'
import {sourceEntries} from '../../lib/slug/source-entries.ts'

/**
 * Unpacks a source's tar.gz and checks it against the digest that POST /dynos brought. What was unpacked before the
 * digest turned out wrong must not be used.
 * @param target absolute path of a folder that is not there yet
 * @param sha256 hex, of the uncompressed tar
 * @throws NixError WRONG_DIGEST, BAD_SOURCE
 */
export async function unpackSource(archive: Readable, target: string, sha256: string): Promise<{files: number; bytes: number}> {
  const hash = createHash('sha256')
  const tar = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  const broken: Error[] = []
  pipeline(archive, createGunzip(), tar, error => {
    if (error) {
      broken.push(error)
    }
  })

  const totals = {files: 0, bytes: 0}
  try {
    await mkdir(target)
    const made = new Set([''])
    for await (const entry of sourceEntries(tar)) {
      await unpackEntry(entry, target, made)
      if (entry.kind === 'file') {
        totals.files += 1
        totals.bytes += entry.size
      }
    }
  } catch (error) {
    // What broke the archive's stream, such as a bucket that does not answer, says more than a tar that ended early.
    throw broken.find(first => first instanceof NixError) ?? error
  }

  const digest = hash.digest('hex')
  if (digest !== sha256) {
    throw new NixError(`The source in the bucket has sha256 ${digest}; the build was ordered for ${sha256}.`, {
      code: 'WRONG_DIGEST', exit: EXIT.verification, suggestions: ['heroku nix:build --force'],
    })
  }

  return totals
}

/** @param made folders that are there */
async function unpackEntry(entry: SlugEntry, target: string, made: Set<string>): Promise<void> {
  const place = (path: string) => Buffer.concat([Buffer.from(`${target}/`), toBytes(path as ByteString)])
  const folder = entry.kind === 'directory' ? entry.path : entry.path.slice(0, Math.max(0, entry.path.lastIndexOf('/')))
  const missing: string[] = []
  for (let path: string = folder; !made.has(path); path = path.slice(0, Math.max(0, path.lastIndexOf('/')))) {
    missing.unshift(path)
  }

  for (const path of missing) {
    await mkdir(place(path))
    made.add(path)
  }

  switch (entry.kind) {
    case 'directory':
      break
    case 'symlink':
      await symlink(toBytes(entry.target), place(entry.path))
      break
    case 'file':
      // `wx`: never over anything, and never through a link.
      await piped(entry.read(), createWriteStream(place(entry.path), {flags: 'wx', mode: entry.executable ? 0o755 : 0o644}))
      break
  }
}
