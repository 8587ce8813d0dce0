/** What one look at Heroku showed of a build's dyno. */
export type Look =
  | {kind: 'absent'}
  | {kind: 'present'; name: string; state: string}
  /** Heroku did not answer. */
  | {kind: 'unknown'}

export interface Sightings {
  name: string | null
  seen: boolean
  /** looks in a row that showed nothing */
  misses: number
  /** The dyno has ended, or never came. */
  gone?: boolean
}

/** A new dyno is not listed at once, as Private Spaces have shown; one that was seen and is missing twice has ended. */
const MISSES_BEFORE_SEEN = 3
const MISSES_AFTER_SEEN = 2

/** Decides, look by look, whether a dyno has gone. */
export function noteLook(sightings: Sightings, look: Look): Sightings {
  switch (look.kind) {
    case 'unknown': {
      return sightings
    }

    case 'present': {
      const gone = look.state === 'crashed' || look.state === 'down'
      return {name: look.name, seen: true, misses: 0, ...(gone && {gone})}
    }

    case 'absent': {
      const misses = sightings.misses + 1
      return {...sightings, misses, ...(misses >= (sightings.seen ? MISSES_AFTER_SEEN : MISSES_BEFORE_SEEN) && {gone: true})}
    }
  }
}
