import {EventEmitter} from 'node:events'
import {currentRelease, currentSlug} from '../../state/apps.ts'
import type {AppRecord} from '../../state/model.ts'
import {FormationSlot} from './formation-slot.ts'
import type {Target} from './formation-slot.ts'
import type {LiveDyno} from './live-dyno.ts'
import type {RunContext} from './run-dyno.ts'

/** The dynos that apps run of themselves: as many of each process type as the formation says, from the current release. */
export class Formations {
  readonly #slots = new Map<string, FormationSlot>()
  readonly #context: RunContext
  /** `change` carries the id of an app whose dynos changed their state */
  readonly #events = new EventEmitter<{change: [string]}>().setMaxListeners(0)

  constructor(context: RunContext) {
    this.#context = context
  }

  list(app: AppRecord): LiveDyno[] {
    return this.#of(app).map(slot => slot.live).filter(live => live !== null)
  }

  /** @returns stops listening */
  onChange(app: AppRecord, listener: () => void): () => void {
    const own = (id: string) => id === app.id && listener()
    this.#events.on('change', own)
    return () => this.#events.off('change', own)
  }

  /** Brings the dynos in line with the current release and the formation. */
  follow(app: AppRecord): void {
    const wanted = targets(app)
    for (const slot of this.#of(app)) if (!wanted.has(slot.name)) slot.want(null)
    for (const [name, {type, target}] of wanted) {
      const key = `${app.id} ${name}`
      let slot = this.#slots.get(key)
      if (!slot) {
        slot = new FormationSlot({app, type, name}, this.#context, () => this.#changed(app))
        this.#slots.set(key, slot)
      }

      slot.want(target)
    }

    this.#changed(app)
  }

  restart(app: AppRecord, fits: (live: LiveDyno) => boolean): void {
    for (const slot of this.#of(app)) if (slot.live && fits(slot.live)) slot.restart()
  }

  dropApp(app: AppRecord): void {
    for (const slot of this.#of(app)) slot.want(null)
  }

  close(): void {
    for (const slot of this.#slots.values()) slot.close()
  }

  #of(app: AppRecord): FormationSlot[] {
    return [...this.#slots.values()].filter(slot => slot.app === app)
  }

  #changed(app: AppRecord): void {
    for (const [key, slot] of this.#slots) if (slot.empty) this.#slots.delete(key)
    this.#events.emit('change', app.id)
  }
}

function targets(app: AppRecord): Map<string, {type: string; target: Target}> {
  const release = currentRelease(app)
  const slug = currentSlug(app)
  const wanted = new Map<string, {type: string; target: Target}>()
  if (!release || !slug) return wanted
  for (const {type, quantity, size} of app.formation) {
    const command = slug.processTypes[type]
    if (command === undefined) continue
    for (let number = 1; number <= quantity; number += 1) wanted.set(`${type}.${number}`, {type, target: {release, slug, command, size}})
  }

  return wanted
}
