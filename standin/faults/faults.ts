import {matchPattern} from '../platform/http/route.ts'

/** What goes wrong with the next `count` requests that fit. `route` is a path where `*` or `{name}` stands for one segment. */
export interface RequestFault {
  method: string
  route: string
  count: number
  effect: RequestEffect
}

export type RequestEffect =
  | {kind: 'status'; status: number; id: string | null; message: string | null; retryAfter: number | null}
  /** `after`: the request took effect, its answer is lost */
  | {kind: 'reset'; when: 'after' | 'before'}
  /** no answer for so long, forever where null; then as if nothing had been */
  | {kind: 'stall'; ms: number | null}

/** Kills the next `count` dynos that fit, `afterMs` after they came up or when a line of output contains `line`. */
export interface DynoFault {
  app: string | null
  /** type (`run`) or name (`web.1`); null: any */
  dyno: string | null
  count: number
  when: {kind: 'after'; ms: number} | {kind: 'line'; pattern: string}
}

/** The faults that were asked for and have not happened yet. */
export class Faults {
  #requests: RequestFault[] = []
  #dynos: DynoFault[] = []

  get pending(): {requests: readonly RequestFault[]; dynos: readonly DynoFault[]} {
    return {requests: this.#requests, dynos: this.#dynos}
  }

  addRequest(fault: RequestFault): void {
    this.#requests.push(fault)
  }

  addDyno(fault: DynoFault): void {
    this.#dynos.push(fault)
  }

  clear(): void {
    this.#requests = []
    this.#dynos = []
  }

  /** Takes the fault that this request runs into, and counts it. */
  takeRequest(method: string, path: string): RequestEffect | null {
    const fault = this.#requests.find(candidate => candidate.method === method && fits(candidate.route, path))
    if (!fault) return null
    fault.count -= 1
    this.#requests = this.#requests.filter(candidate => candidate.count > 0)
    return fault.effect
  }

  /** Takes the fault that this new dyno will run into, and counts it. */
  takeDyno(app: string, dyno: string): DynoFault['when'] | null {
    const fault = this.#dynos.find(candidate => (candidate.app === null || candidate.app === app)
      && (candidate.dyno === null || candidate.dyno === dyno || dyno.startsWith(`${candidate.dyno}.`)))
    if (!fault) return null
    fault.count -= 1
    this.#dynos = this.#dynos.filter(candidate => candidate.count > 0)
    return fault.when
  }
}

function fits(route: string, path: string): boolean {
  return matchPattern(route.split('/').map(part => part === '*' ? '{any}' : part).join('/'), path) !== null
}
