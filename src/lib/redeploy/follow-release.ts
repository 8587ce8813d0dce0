import {Readable} from 'node:stream'
import {EXIT, NixError} from '../errors.ts'
import type {Platform} from '../platform/platform.ts'
import type {Release} from '../platform/types.ts'

export interface FollowReleaseWorld {
  platform: Pick<Platform, 'release'>
  /** Opens the stream that Heroku signed a URL for; null while there is none (404). */
  openStream: (url: string) => Promise<AsyncIterable<Uint8Array> | null>
  onOutput: (bytes: Uint8Array) => void
  /** Between two looks. */
  wait: () => Promise<void>
}

/**
 * Shows the release phase and waits for its end.
 * @returns the release as it then is
 * @throws NixError RELEASE_FAILED: the app goes on with the release before
 */
export async function followRelease(release: Release, app: string, {platform, openStream, onOutput, wait}: FollowReleaseWorld): Promise<Release> {
  let current = release
  let shown = false
  while (current.status === 'pending') {
    const stream = shown || current.outputStreamUrl === null ? null : await openStream(current.outputStreamUrl)
    if (stream !== null) {
      for await (const chunk of stream) onOutput(chunk)
      shown = true
    }

    await wait()
    current = await platform.release(release.id)
  }

  if (current.status === 'succeeded') return current
  throw new NixError(`The release phase of v${current.version} ${current.status === 'failed' ? 'failed' : `ended as "${current.status}"`}; ${app} goes on with the release before.`, {
    code: 'RELEASE_FAILED', exit: EXIT.slug, suggestions: [`heroku releases:output v${current.version} --app ${app}`],
  })
}

/** A release phase that says nothing for long is still alive, so there is no timeout; the output's end is the phase's. */
export async function openOutputStream(url: string): Promise<AsyncIterable<Uint8Array> | null> {
  const response = await fetch(url).catch(() => null)
  if (response?.ok && response.body) return readAll(Readable.fromWeb(response.body))
  await response?.body?.cancel()
  return null
}

/** A connection that breaks ends the output, not the release: its status is asked for afterwards. */
async function* readAll(stream: Readable): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stream) yield chunk as Uint8Array
  } catch {
    // The status tells how the phase ended.
  }
}
