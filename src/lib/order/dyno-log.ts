import {text} from 'node:stream/consumers'
import {Readable} from 'node:stream'

/** lines that Heroku itself wrote of a dyno: few */
const MAX_LINES = 200
/** The loss of a dyno is to be said soon. */
const TIMEOUT_MS = 2500

/** What Heroku's log has of a dyno. Whoever asks can do without it: '' where it does not answer soon. */
export async function dynoLog(platform: {logUrl: (options: {dyno: string; lines: number}) => Promise<string>}, dyno: string): Promise<string> {
  try {
    const response = await fetch(await platform.logUrl({dyno, lines: MAX_LINES}), {signal: AbortSignal.timeout(TIMEOUT_MS)})
    return response.ok && response.body ? await text(Readable.fromWeb(response.body)) : ''
  } catch {
    // That it is not known why a dyno ended is said by whoever asked.
    return ''
  }
}
