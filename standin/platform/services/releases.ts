import {addRelease, defaultSize, findSlug, makeCurrent, timestamp} from '../../state/apps.ts'
import type {AppRecord, ReleaseRecord, SlugRecord} from '../../state/model.ts'
import type {Context} from '../context.ts'
import {invalid} from '../http/errors.ts'
import type {Formations} from './formations.ts'
import type {OneOffs} from './one-offs.ts'

type ReleasesContext = Pick<Context, 'host' | 'logs' | 'slugs' | 'source' | 'store' | 'streams'>

/** Makes releases: checks the slug, runs the release phase, then moves the app's dynos over. One at a time for each app. */
export class Releases {
  readonly #context: ReleasesContext
  readonly #oneOffs: OneOffs
  readonly #formations: Formations
  /** release phases under way, by app id */
  readonly #queues = new Map<string, Promise<void>>()
  /** slugs whose bytes were found good, by id and digest */
  readonly #inspected = new Set<string>()
  #closed = false

  constructor(context: ReleasesContext, oneOffs: OneOffs, formations: Formations) {
    this.#context = context
    this.#oneOffs = oneOffs
    this.#formations = formations
  }

  /** @throws ApiError 422 for a slug that Heroku could not run */
  async checkSlug(slug: SlugRecord): Promise<void> {
    if (slug.size === null) throw invalid('Slug blob has not been uploaded.')
    if (slug.checksum !== null && slug.checksum.toLowerCase() !== `sha256:${slug.sha256 ?? ''}`) {
      throw invalid(`Slug blob does not match its checksum ${slug.checksum}.`)
    }

    const version = `${slug.id} ${slug.sha256 ?? ''}`
    if (this.#inspected.has(version)) return
    const inspection = await this.#context.host.inspectSlug(this.#context.slugs.file(slug.id))
    if (inspection.kind === 'refused') throw invalid(inspection.reason)
    this.#inspected.add(version)
  }

  /** Adds a release. It is current at once, or pending until its release phase and those before it have ended. */
  create(app: AppRecord, {description, slugId}: {description: string; slugId: string | null}): ReleaseRecord {
    const {source, store} = this.#context
    const release = addRelease(app, {description, slugId}, source)
    const command = findSlug(app, slugId)?.processTypes['release']
    if (command !== undefined) release.outputStream = source.secret(16)
    this.#announce(app, `${description} by user ${store.state.account.email}`)
    this.#announce(app, `Release v${release.version} created by user ${store.state.account.email}`)

    const before = this.#queues.get(app.id)
    if (command === undefined && !before) {
      this.#succeed(app, release)
    } else {
      const phase = this.#phase(app, release, command, before).finally(() => {
        if (this.#queues.get(app.id) === phase) this.#queues.delete(app.id)
      })
      this.#queues.set(app.id, phase)
    }

    store.save()
    return release
  }

  close(): void {
    this.#closed = true
  }

  #isClosed(): boolean {
    return this.#closed
  }

  async #phase(app: AppRecord, release: ReleaseRecord, command: string | undefined, before: Promise<void> | undefined): Promise<void> {
    const {store, source, streams} = this.#context
    // The stream begins with the release, so that its URL works as soon as somebody has it.
    const stream = release.outputStream === null ? null : streams.create(release.outputStream)
    await before
    if (this.#isClosed()) return
    let status = 0
    if (command !== undefined && store.state.apps.includes(app)) {
      this.#announce(app, `Running release v${release.version} commands by user ${store.state.account.email}`)
      const end = await this.#oneOffs.runReleasePhase(app, release, {
        command, size: defaultSize(app), copy: chunk => stream?.write(chunk),
      })
      status = end.status
    }

    if (this.#isClosed()) return
    if (status === 0) {
      this.#succeed(app, release)
    } else {
      this.#announce(app, `Release v${release.version} command failed`)
      Object.assign(release, {status: 'failed', updatedAt: timestamp(source.now())})
    }

    store.save()
    // Last, so that who has read the stream to its end finds the release's status settled.
    stream?.end()
  }

  #succeed(app: AppRecord, release: ReleaseRecord): void {
    // An app that was deleted in the meantime runs nothing more.
    const {source, store} = this.#context
    makeCurrent(app, release, source)
    if (!store.state.apps.includes(app)) return
    this.#formations.follow(app)
  }

  #announce(app: AppRecord, message: string): void {
    this.#context.logs.of(app).add('app', 'api', message)
  }
}
