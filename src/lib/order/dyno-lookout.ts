import type {Platform} from '../platform/platform.ts'
import {noteLook, type Look, type Sightings} from './sightings.ts'

/** A living dyno writes a heartbeat every 3 s; only while there is none Heroku, which counts requests, is asked. */
const QUIET_MS = 4000
/** With the quiet before, three looks fit well into the 15 s in which a loss is to be said. */
const LOOK_EVERY_MS = 2000

export interface DynoLookout {
  /**
   * Looks for the dyno when nothing was heard of it for a while.
   * @param unchangedMs for how long there was no sign of life
   * @param name the dyno's own word for itself, where it has said one
   * @returns what is known by now; `gone` says that it has ended or never came
   */
  look(unchangedMs: number, name?: string): Promise<Sightings>
}

/**
 * @param id stands in the dyno's command
 * @param dyno its name; null: not known yet
 * @param elapsed milliseconds, monotonic
 */
export function dynoLookout(id: string, dyno: string | null, {platform, elapsed}: {platform: Pick<Platform, 'dyno' | 'dynos'>; elapsed: () => number}): DynoLookout {
  let sightings: Sightings = {name: dyno, seen: false, misses: 0}
  let lookedAt = -Infinity
  return {
    async look(unchangedMs, name = sightings.name ?? undefined) {
      if (unchangedMs < QUIET_MS || elapsed() - lookedAt < LOOK_EVERY_MS) return sightings
      sightings = noteLook({...sightings, name: name ?? null}, await lookOnce(id, name ?? null, platform))
      lookedAt = elapsed()
      return sightings
    },
  }
}

async function lookOnce(id: string, name: string | null, platform: Pick<Platform, 'dyno' | 'dynos'>): Promise<Look> {
  try {
    const dyno = name === null ? (await platform.dynos()).find(({command}) => command.includes(id)) ?? null : await platform.dyno(name)
    return dyno === null ? {kind: 'absent'} : {kind: 'present', name: dyno.name, state: dyno.state}
  } catch {
    // Whether Heroku's API answers says nothing about the dyno.
    return {kind: 'unknown'}
  }
}
