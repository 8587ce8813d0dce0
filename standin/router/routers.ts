import type {AppRecord} from '../state/model.ts'
import type {Store} from '../state/store.ts'
import {AppRouter} from './router.ts'
import type {RouterContext} from './router.ts'

/** The routers of all apps, each on a port that its app keeps. */
export class Routers {
  readonly #routers = new Map<string, AppRouter>()
  readonly #context: RouterContext
  readonly #store: Store
  readonly #complain: (message: string) => void

  constructor(context: RouterContext, store: Store, complain: (message: string) => void) {
    this.#context = context
    this.#store = store
    this.#complain = complain
  }

  async open(app: AppRecord): Promise<void> {
    const router = new AppRouter(app, this.#context)
    this.#routers.set(app.id, router)
    const port = await router.listen(app.webPort)
    if (app.webPort !== null && port !== app.webPort) {
      this.#complain(`Port ${app.webPort} of ${app.name} is taken; it is at http://127.0.0.1:${port}/ now.`)
    }

    app.webPort = port
    this.#store.save()
  }

  async close(app: AppRecord): Promise<void> {
    await this.#routers.get(app.id)?.close()
    this.#routers.delete(app.id)
  }
}
