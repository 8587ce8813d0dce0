import {EventEmitter, once} from 'node:events'
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {pipeline} from 'node:stream'
import {createGzip} from 'node:zlib'
import type {Context} from '../platform/context.ts'
import {ApiError, notFound} from '../platform/http/errors.ts'
import {timestamp} from '../state/apps.ts'
import type {AppRecord, BuildRecord, SlugRecord} from '../state/model.ts'
import {fetchBuildpack} from './buildpack.ts'
import type {BuildCaches} from './cache.ts'
import type {Compiled} from './compile.ts'
import {compile} from './compile.ts'
import type {BuildHost, BuildRoom} from './contract.ts'
import {BuildFailure, problem, step} from './failure.ts'
import {downloadSource, openTar} from './source.ts'
import {buildsOn, measured, released, timedOut, usesBuildpacks} from './words.ts'

type BuildsContext = Pick<Context, 'apiUrl' | 'logs' | 'releases' | 'slugs' | 'source' | 'store' | 'streams'> & {
  caches: BuildCaches
  host: BuildHost
  complain: (message: string) => void
}

export interface BuildOrder {
  sourceUrl: string
  version: string | null
  versionDescription: string | null
  checksum: string | null
  /** in place of the app's own; null: those */
  buildpacks: string[] | null
  /** where the source is already; null: it is downloaded from its URL, and a single folder around it left out */
  file: string | null
}

/** A build under way. */
export interface LiveBuild {
  readonly record: BuildRecord
  /** output so far */
  readonly text: () => string
  /** `output` carries what comes after; `end` comes once, when the record is settled */
  readonly events: EventEmitter<{output: [string]; end: []}>
}

type Verdict = 'canceled' | 'running' | 'timed-out'

interface Run extends LiveBuild {
  app: AppRecord
  verdict: Verdict
  abort: AbortController
  room: BuildRoom | null
  /** when its time began, by the monotonic clock; null: not yet */
  clockFrom: number | null
  timer: NodeJS.Timeout | undefined
  tell: (output: Buffer | string) => void
  detected: string | null
}

/** Builds of all apps, one at a time for each: source and buildpacks become a slug, the slug a release. */
export class Builds {
  readonly #context: BuildsContext
  readonly #runs = new Map<string, Run>()
  #closed = false

  constructor(context: BuildsContext) {
    this.#context = context
  }

  /** @throws ApiError where another build of the app runs */
  start(app: AppRecord, order: BuildOrder): LiveBuild {
    const {source, store, streams, logs} = this.#context
    if (this.#closed || [...this.#runs.values()].some(run => run.app === app)) throw concurrentBuilds()
    const at = timestamp(source.now())
    const record: BuildRecord = {
      id: source.uuid(), createdAt: at, updatedAt: at, status: 'pending', stack: app.buildStack, buildpacks: order.buildpacks ?? [...app.buildpacks],
      sourceUrl: order.sourceUrl, version: order.version, versionDescription: order.versionDescription, checksum: order.checksum,
      outputStream: source.secret(16), slugId: null, releaseId: null,
    }
    app.builds.push(record)
    store.save()
    logs.of(app).add('app', 'api', `Build started by user ${store.state.account.email}`)

    const stream = streams.create(record.outputStream)
    const events = new EventEmitter<{output: [string]; end: []}>()
    const parts: Buffer[] = []
    const run: Run = {
      record, app, events, verdict: 'running', abort: new AbortController(), room: null, clockFrom: null, timer: undefined, detected: null,
      text: () => Buffer.concat(parts).toString(),
      tell(output) {
        const bytes = Buffer.from(output)
        if (bytes.length === 0) return
        parts.push(bytes)
        stream.write(bytes)
        events.emit('output', bytes.toString())
      },
    }
    this.#runs.set(record.id, run)
    void this.#carryOut(run, order).finally(() => {
      this.#runs.delete(record.id)
      stream.end()
      events.emit('end')
    })
    return run
  }

  /** @throws ApiError 404 */
  find(app: AppRecord, id: string): BuildRecord {
    const record = app.builds.find(build => build.id === id)
    if (!record) throw notFound('build')
    return record
  }

  /** @throws ApiError 422 for a build that has ended */
  cancel(record: BuildRecord): void {
    const run = this.#runs.get(record.id)
    if (!run) throw new ApiError(422, 'invalid_params', `Build ${record.id} has ${record.status}: there is nothing to cancel.`)
    end(run, 'canceled')
  }

  /** Holds running builds of an app to its limit as it is now. */
  limitChanged(app: AppRecord): void {
    for (const run of this.#runs.values()) if (run.app === app) setClock(run)
  }

  /** Of an app that is deleted. */
  async dropApp(app: AppRecord): Promise<void> {
    await this.#cancelAll(run => run.app === app)
    await this.#context.caches.remove(app.id)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#cancelAll(() => true)
  }

  async #cancelAll(fits: (run: Run) => boolean): Promise<void> {
    const chosen = [...this.#runs.values()].filter(run => fits(run))
    await Promise.all(chosen.map(run => {
      const ended = once(run.events, 'end')
      end(run, 'canceled')
      return ended
    }))
  }

  async #carryOut(run: Run, order: BuildOrder): Promise<void> {
    const {store, source, complain, logs} = this.#context
    const {record, app} = run
    try {
      await this.#build(run, order)
      record.status = 'succeeded'
      logs.of(app).add('app', 'api', 'Build succeeded')
    } catch (error) {
      if (run.verdict === 'timed-out') run.tell(timedOut(run.detected, app.settings.buildTimeoutMs))
      else if (run.verdict === 'canceled') run.tell(`\n${problem('Build canceled', '', 'Push failed')}`)
      else if (error instanceof BuildFailure || error instanceof ApiError) run.tell(`\n${error instanceof BuildFailure ? error.output : problem(error.message, '', 'Push failed')}`)
      else {
        complain(`Build ${record.id} of ${app.name} broke: ${(error as Error).stack ?? String(error)}`)
        run.tell(`\n${problem('The stand-in failed; its standard error says why.', '', 'Push failed')}`)
      }

      record.status = 'failed'
      logs.of(app).add('app', 'api', 'Build failed -- check your build output')
    } finally {
      clearTimeout(run.timer)
    }

    record.updatedAt = timestamp(source.now())
    store.save()
  }

  async #build(run: Run, order: BuildOrder): Promise<void> {
    const {caches, host, source, complain} = this.#context
    const {record, app, tell} = run
    const folder = await mkdtemp(join(tmpdir(), 'standin-build-'))
    try {
      tell(buildsOn(record.stack))
      if (record.buildpacks.length === 0) throw noBuildpack()
      tell(usesBuildpacks(record.buildpacks))
      const room = await host.open(complain)
      run.room = room
      try {
        if (run.verdict !== 'running') throw new BuildFailure()
        // The image of the first build takes as long as it takes; the clock runs from when the jail stands.
        run.clockFrom = performance.now()
        setClock(run)
        const {signal} = run.abort
        const file = order.file ?? join(folder, 'source')
        if (order.file === null) await downloadSource({url: order.sourceUrl, checksum: order.checksum}, file, signal)
        const buildpacks = []
        for (const [index, url] of record.buildpacks.entries()) buildpacks.push(await fetchBuildpack(url, join(folder, `buildpack-${index}`), signal))
        const compiled = await compile(room, {
          source: await openTar(file), strip: order.file === null, cache: caches.read(app.id), buildpacks, config: {...app.config},
          env: {STACK: record.stack, REQUEST_ID: record.id, ...(record.version !== null && {SOURCE_VERSION: record.version})},
          name: `build_${source.secret(4)}`, tell, onApp: name => {
            run.detected = name
          },
        })
        await this.#release(run, compiled)
      } finally {
        await room.close()
      }
    } finally {
      await rm(folder, {recursive: true, force: true})
    }
  }

  async #release(run: Run, compiled: Compiled): Promise<void> {
    const {caches, releases, store, apiUrl} = this.#context
    const {record, app, tell} = run
    tell(step('Compressing...'))
    const slug = await this.#makeSlug(run, compiled)
    const cache = compiled.packCache()
    await caches.replace(app.id, cache.output, cache.ended.then(status => status === 0))
    // From here on it is too late to cancel.
    if (run.verdict !== 'running') throw new BuildFailure()
    tell(step('Launching...'))
    await releases.checkSlug(slug)
    app.slugs.push(slug)
    const release = releases.create(app, {description: `Deploy ${record.version?.slice(0, 8) ?? ''}`.trim(), slugId: slug.id})
    record.slugId = slug.id
    record.releaseId = release.id
    store.save()
    const webUrl = `http://${new URL(apiUrl()).hostname}:${app.webPort ?? 0}/`
    tell(released({version: release.version, command: slug.processTypes['release'] !== undefined}, webUrl))
  }

  async #makeSlug({record, app, tell}: Run, {processTypes, description, packSlug}: Compiled): Promise<SlugRecord> {
    const {slugs, source} = this.#context
    const at = timestamp(source.now())
    const slug: SlugRecord = {
      id: source.uuid(), createdAt: at, updatedAt: at, processTypes, stack: record.stack, checksum: null, commit: record.version,
      commitDescription: record.versionDescription, buildpackDescription: description, size: null, sha256: null,
    }
    const packed = packSlug()
    try {
      const [received, status, errors] = await Promise.all([
        slugs.receive(slug.id, pipeline(packed.output, createGzip(), () => undefined)), packed.ended, packed.errors,
      ])
      if (status !== 0) throw new BuildFailure(`Push rejected, cannot compress the slug: ${errors.trim()}`, '', 'Push failed')
      Object.assign(slug, received, {checksum: `SHA256:${received.sha256}`})
      tell(measured(received.size, app.settings.buildSlugLimit))
      return slug
    } catch (error) {
      await slugs.remove(slug.id)
      throw error
    }
  }
}

/** Heroku's words for an account at its limit; the stand-in's limit is one build of an app. */
export function concurrentBuilds(): ApiError {
  return new ApiError(429, 'concurrent_builds', 'Your account has reached its concurrent builds limit')
}

function setClock(run: Run): void {
  if (run.clockFrom === null || run.verdict !== 'running') return
  clearTimeout(run.timer)
  const left = run.clockFrom + run.app.settings.buildTimeoutMs - performance.now()
  run.timer = setTimeout(() => end(run, 'timed-out'), Math.max(0, left))
}

function end(run: Run, verdict: Verdict): void {
  if (run.verdict !== 'running') return
  run.verdict = verdict
  run.abort.abort()
  run.room?.kill()
}

function noBuildpack(): BuildFailure {
  return new BuildFailure(
    'No default language could be detected for this app.',
    'HINT: This occurs when Heroku cannot detect the buildpack to use for this application automatically.',
    'See https://devcenter.heroku.com/articles/buildpacks', '', 'Push failed',
  )
}
