import http from 'node:http'
import https from 'node:https'
import {pipeline} from 'node:stream/promises'
import {Transform} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import type {Slug} from '../slug/assemble.ts'
import {EXIT, NixError} from '../errors.ts'

/** A transfer is not slow but dead when so long no byte moves. */
const IDLE_MS = 60_000
const ATTEMPTS = 3

/** What messages say of what is uploaded. */
const WORDS = {
  slug: {code: 'SLUG_UPLOAD', store: "Heroku's slug store"},
  source: {code: 'SOURCE_UPLOAD', store: "Heroku's store of sources"},
} as const

/**
 * Uploads a slug, or a source, to the URL that Heroku signed for it. A broken upload starts anew: nothing is there until all is.
 * @param url never printed: whoever has it can write the slug
 * @param onProgress bytes so far, of this attempt
 * @throws NixError SLUG_UPLOAD_REFUSED, SLUG_UPLOAD_BROKEN, SOURCE_UPLOAD_REFUSED, SOURCE_UPLOAD_BROKEN
 */
export async function putSlug(url: string, slug: Slug, onProgress: (bytes: number) => void = () => undefined, what: 'slug' | 'source' = 'slug'): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await putOnce(new URL(url), slug, onProgress, what)
      return
    } catch (error) {
      // What a part of the slug turned out to be, or what the store answered, does not change by asking again.
      if (error instanceof NixError) throw error
      if (attempt >= ATTEMPTS) {
        throw new NixError(`The upload of the ${what} broke ${ATTEMPTS} times: ${error instanceof Error ? error.message : String(error)}`, {
          code: `${WORDS[what].code}_BROKEN`, exit: EXIT.unavailable, suggestions: ['heroku nix:redeploy', 'https://status.heroku.com'],
        })
      }
    }
  }
}

async function putOnce(url: URL, slug: Slug, onProgress: (bytes: number) => void, what: 'slug' | 'source'): Promise<void> {
  // Heroku's URL is signed for a request with a length and without a Content-Type; fetch would send a stream in chunks.
  const request = (url.protocol === 'https:' ? https : http).request(url, {method: 'PUT', headers: {'content-length': slug.size}})
  const answered = new Promise<Answer>((resolve, reject) => {
    request.once('response', response => {
      // Read at once: Node throws away what nobody reads when the request breaks, and the request of a store that refuses does.
      const body = buffer(response)
      body.catch(() => undefined)
      resolve({status: response.statusCode ?? 0, body})
    }).once('error', reject)
  })
  // Awaited below, after the body; until then its failure is also the body's.
  answered.catch(() => undefined)
  request.setTimeout(IDLE_MS, () => request.destroy(new Error(`no byte moved for ${IDLE_MS / 1000} s`)))
  const sent = pipeline(slug.open(), countBytes(onProgress), request)
  // A store that refuses answers before it has read all, and closes: then the answer counts, not the broken pipe.
  const {status, body} = await Promise.race([answered, sent.then(() => answered)])
  const isTaken = status >= 200 && status < 300
  await sent.catch((error: unknown) => {
    if (isTaken) throw error
  })
  const text = (await body).toString()
  if (!isTaken) {
    const code = /<Code>(\w+)<\/Code>|"Code":\s*"(\w+)"/.exec(text)?.slice(1).find(Boolean) ?? 'no code'
    throw new NixError(`${WORDS[what].store} refused the upload: status ${status}, ${code}.`, {
      code: `${WORDS[what].code}_REFUSED`, exit: EXIT.unavailable, suggestions: ['heroku nix:redeploy'],
    })
  }
}

interface Answer {
  status: number
  body: Promise<Buffer>
}

function countBytes(onProgress: (bytes: number) => void): Transform {
  let bytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      onProgress(bytes)
      done(null, chunk)
    },
  })
}
