import type {AppRecord} from '../../state/model.ts'
import {notFound} from '../http/errors.ts'
import type {Formations} from './formations.ts'
import type {LiveDyno} from './live-dyno.ts'
import type {OneOffs} from './one-offs.ts'

/** All dynos of all apps, as the API sees them. */
export class DynoManager {
  readonly oneOffs: OneOffs
  readonly formations: Formations

  constructor(oneOffs: OneOffs, formations: Formations) {
    this.oneOffs = oneOffs
    this.formations = formations
  }

  list(app: AppRecord): LiveDyno[] {
    return [...this.formations.list(app), ...this.oneOffs.list(app)]
  }

  /** @throws ApiError 404 */
  find(app: AppRecord, nameOrId: string): LiveDyno {
    const live = this.list(app).find(({id, name}) => id === nameOrId || name === nameOrId)
    if (!live) throw notFound('dyno')
    return live
  }

  /** Formation dynos come back, as on the Common Runtime: devcenter.heroku.com/articles/dyno-restarts. One-off dynos end. */
  stop(app: AppRecord, fits: (live: LiveDyno) => boolean): void {
    this.formations.restart(app, fits)
    for (const live of this.oneOffs.list(app)) if (fits(live)) this.oneOffs.stop(live)
  }

  dropApp(app: AppRecord): void {
    this.formations.dropApp(app)
    this.oneOffs.dropApp(app)
  }

  close(): void {
    this.oneOffs.close()
    this.formations.close()
  }
}
