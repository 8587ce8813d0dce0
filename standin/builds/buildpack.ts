import {execFile, spawn} from 'node:child_process'
import {createReadStream, createWriteStream, existsSync} from 'node:fs'
import {stat} from 'node:fs/promises'
import {join} from 'node:path'
import type {Readable} from 'node:stream'
import {pipeline} from 'node:stream'
import {pipeline as pipelined} from 'node:stream/promises'
import {fileURLToPath} from 'node:url'
import {promisify} from 'node:util'
import {createGunzip} from 'node:zlib'
import {BuildFailure} from './failure.ts'

const run = promisify(execFile)

/** Of a buildpack's download; what Heroku's slug compiler allowed. github.com/heroku/slug-compiler, BUILDPACK_FETCH_TIMEOUT */
const FETCH_TIMEOUT_MS = 90_000
const REGISTRY = 'urn:buildpack:'

export interface Buildpack {
  /** where it came from */
  location: string
  /** a tar of it */
  open: () => Readable
}

/** How a build's output calls a buildpack. */
export function buildpackLabel(url: string): string {
  return url.startsWith(REGISTRY) ? url.slice(REGISTRY.length) : url
}

/**
 * Fetches a buildpack on the host, as Heroku does before a build begins: a tar.gz where the URL's path ends so, else a Git
 * repository whose branch, tag or commit may follow `#`. `file:` may also name a plain folder.
 *
 * @param folder does not exist yet, and holds what was fetched as long as `open` is to work
 * @throws BuildFailure
 */
export async function fetchBuildpack(url: string, folder: string, signal: AbortSignal): Promise<Buildpack> {
  const location = url.startsWith(REGISTRY) ? `https://buildpack-registry.s3.amazonaws.com/buildpacks/${url.slice(REGISTRY.length)}.tgz` : url
  const [address, ref] = split(location)
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)])
    if (/\.(?:tgz|tar\.gz)$/.test(new URL(address).pathname)) {
      const file = address.startsWith('file:') ? fileURLToPath(address) : await download(address, `${folder}.tgz`, limit)
      return {location, open: () => pipeline(createReadStream(file), createGunzip(), () => undefined)}
    }

    const local = address.startsWith('file:') ? fileURLToPath(address) : null
    if (local !== null && (await stat(local)).isDirectory() && !isRepository(local)) return {location, open: () => tarOf(local)}
    await clone(address, ref, folder, limit)
    return {location, open: () => tarOf(folder)}
  } catch (error) {
    const {stderr = '', message} = error as Error & {stderr?: string}
    throw new BuildFailure('Push rejected, error fetching custom buildpack', `${location}: ${stderr.trim() || message}`, '', 'Push failed')
  }
}

function split(location: string): [address: string, ref: string] {
  const hash = location.indexOf('#')
  return hash === -1 ? [location, ''] : [location.slice(0, hash), location.slice(hash + 1)]
}

function isRepository(folder: string): boolean {
  return existsSync(join(folder, '.git')) || (existsSync(join(folder, 'HEAD')) && existsSync(join(folder, 'objects')))
}

async function clone(address: string, ref: string, folder: string, signal: AbortSignal): Promise<void> {
  if (ref !== '' && !/^\w[\w./+-]*$/.test(ref)) throw new Error(`"${ref}" is no name of a branch, tag or commit`)
  const options = {signal, env: {...process.env, GIT_TERMINAL_PROMPT: '0'}}
  await run('git', ['clone', '--quiet', '--', address, folder], options)
  if (ref !== '') await run('git', ['-C', folder, 'checkout', '--quiet', ref, '--'], options)
}

async function download(address: string, file: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(address, {signal})
  if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`)
  await pipelined(response.body, createWriteStream(file))
  return file
}

function tarOf(folder: string): Readable {
  const tar = spawn('tar', ['--create', '--directory', folder, '--exclude=./.git', '.'], {stdio: ['ignore', 'pipe', 'ignore']})
  // Without it there is nothing to read, which whoever unpacks it complains of.
  tar.on('error', () => undefined)
  return tar.stdout
}
