import {mkdirSync, readFileSync, renameSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {StandinError} from '../errors.ts'
import type {AppRecord, AppSettings, State} from './model.ts'
import {DEFAULT_SETTINGS} from './model.ts'

/** The state in memory and its file; `save` after each change and before the answer that reports it. */
export class Store {
  readonly state: State
  readonly #file: string

  /** @throws StandinError when the folder holds a state that another version wrote */
  constructor(dir: string, initial: () => State) {
    mkdirSync(dir, {recursive: true})
    this.#file = join(dir, 'state.json')
    this.state = read(this.#file) ?? initial()
    this.save()
  }

  /** Synchronous, so that two changes reach the disk in the order in which they happened. */
  save(): void {
    const partial = `${this.#file}.partial`
    writeFileSync(partial, `${JSON.stringify(this.state, null, 1)}\n`, {mode: 0o600, flush: true})
    renameSync(partial, this.#file)
  }
}

function read(file: string): State | null {
  let text
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }

  let state: unknown
  try {
    state = JSON.parse(text)
  } catch (error) {
    throw new StandinError(`${file} is not JSON.`, ['Move the file away, or name another folder with --state.'], {cause: error})
  }

  if (typeof state !== 'object' || state === null || (state as {format?: unknown}).format !== 1) {
    throw new StandinError(`${file} was written by another version.`, ['Name another folder with --state.'])
  }

  // Only this class writes the file, so its format number vouches for the rest, but for what older versions did not know.
  const known = state as Omit<State, 'apps'> & {apps: (Omit<AppRecord, 'builds' | 'settings'> & {builds?: AppRecord['builds']; settings: Partial<AppSettings>})[]}
  return {...known, apps: known.apps.map(app => ({...app, builds: app.builds ?? [], settings: {...DEFAULT_SETTINGS, ...app.settings}}))}
}
