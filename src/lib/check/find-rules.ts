import {createHash} from 'node:crypto'
import {readFile} from 'node:fs/promises'
import path from 'node:path'
import {pipeline} from 'node:stream/promises'
import {Transform} from 'node:stream'
import {createGunzip} from 'node:zlib'
import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import type {SucceededBuild} from '../build/record.ts'
import {EXIT, NixError} from '../errors.ts'
import {sourceEntries} from '../slug/source-entries.ts'
import {gitIn, GitFailure} from '../source/git.ts'

/** A .slugexclude and where it was found. */
export interface FoundRules {
  /** for messages */
  where: string
  /** null: there is none there */
  bytes: Buffer | null
}

const NAME = '.slugexclude'
/** A line for each file of a large closure would be less. */
const MAX_BYTES = 16 << 20

/** @param file an absolute path @throws NixError UNREADABLE_FILE */
export async function namedRules(file: string, named: string): Promise<FoundRules> {
  const bytes = await readIfThere(file)
  if (bytes !== null) return {where: named, bytes}
  throw new NixError(`--slugexclude names ${named}, which is not there.`, {code: 'UNREADABLE_FILE', exit: EXIT.usage, suggestions: [`ls -l ${named}`]})
}

/** The project's own, at the root of the working tree that holds `folder`. @returns null where that is in no Git repository */
export async function projectRules(folder: string, env: NodeJS.ProcessEnv): Promise<FoundRules | null> {
  const root = await gitIn(folder, env).run(['rev-parse', '--show-toplevel']).catch((error: unknown) => {
    if (error instanceof GitFailure || error instanceof NixError) return null
    throw error
  })
  return root === null ? null : rulesIn(root.toString().replace(/\n$/, ''))
}

export async function rulesIn(folder: string): Promise<FoundRules> {
  const file = path.join(folder, NAME)
  return {where: file, bytes: await readIfThere(file)}
}

/**
 * The one that the build was pruned by, from its source.
 * @param instead what to type where the source is gone
 * @throws NixError SOURCE_GONE, WRONG_DIGEST
 */
export async function builtRules(bucket: Pick<Bucket, 'stream'>, {app, id, source}: SucceededBuild, instead: readonly string[]): Promise<FoundRules> {
  const key = keys.source(app, source.tree)
  const object = await bucket.stream(key)
  if (object === null) throw new NixError(`${key} is no longer in the bucket.`, {code: 'SOURCE_GONE', exit: EXIT.slug, suggestions: instead})
  const hash = createHash('sha256')
  const tar = new Transform({transform(chunk: Buffer, _encoding, done) {
    hash.update(chunk)
    done(null, chunk)
  }})
  const [bytes] = await Promise.all([rulesOf(tar), pipeline(object.body, createGunzip(), tar)])
  if (hash.digest('hex') !== source.sha256) {
    throw new NixError(`The source in the bucket, ${key}, is not the one that build ${id} built.`, {
      code: 'WRONG_DIGEST', exit: EXIT.verification, suggestions: ['heroku nix:build --force'],
    })
  }

  return {where: `${NAME} of build ${id}`, bytes}
}

async function rulesOf(tar: Transform): Promise<Buffer | null> {
  let found: Buffer | null = null
  for await (const entry of sourceEntries(tar)) {
    if (entry.path !== NAME || entry.kind !== 'file' || entry.size > MAX_BYTES) continue
    const chunks: Uint8Array[] = []
    for await (const chunk of entry.read()) chunks.push(Buffer.from(chunk))
    found = Buffer.concat(chunks)
  }

  return found
}

async function readIfThere(file: string): Promise<Buffer | null> {
  try {
    return await readFile(file)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error)
    if (code === 'ENOENT') return null
    throw new NixError(`${file} cannot be read: ${code}.`, {code: 'UNREADABLE_FILE', exit: EXIT.usage, suggestions: [`ls -l ${file}`], cause: error})
  }
}
