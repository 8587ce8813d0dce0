import {flags as Flags} from '@heroku-cli/command'
import {ux} from '@oclif/core/ux'
import {randomBytes} from 'node:crypto'
import {mkdtemp, readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {PACKAGE_ROOT} from '../../cli/own-toolbox.ts'
import {NixCommand} from '../../cli/nix-command.ts'
import {FOLLOW_WAITS, patientBucket} from '../../lib/bucket/patient-bucket.ts'
import type {S3Bucket} from '../../lib/bucket/s3-bucket.ts'
import {makeBuildId} from '../../lib/build/id.ts'
import {recordStore} from '../../lib/build/record-store.ts'
import type {SucceededBuild} from '../../lib/build/record.ts'
import {parseConfig} from '../../lib/config-vars.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import {formatBytes} from '../../lib/output/units.ts'
import type {Platform} from '../../lib/platform/platform.ts'
import {checkSupported, type Support} from '../../lib/platform/supported.ts'
import type {App, ProcessType, Release, SlugRequest} from '../../lib/platform/types.ts'
import {checkBuildpacks, checkSlugexclude} from '../../lib/redeploy/checks.ts'
import {chooseBuild} from '../../lib/redeploy/choose-build.ts'
import {chooseVia, VIA_DYNO_ABOVE, type Via} from '../../lib/redeploy/choose-via.ts'
import {fetchLayer, fetchSourcePart, layerPart} from '../../lib/redeploy/fetch-parts.ts'
import {findSlug} from '../../lib/redeploy/find-slug.ts'
import {followRelease, openOutputStream} from '../../lib/redeploy/follow-release.ts'
import {processTypes} from '../../lib/redeploy/procfile.ts'
import {putSlug} from '../../lib/redeploy/put-slug.ts'
import {createRelease} from '../../lib/redeploy/create-release.ts'
import {sendByDyno} from '../../lib/redeploy/send-by-dyno.ts'
import {slugMarker} from '../../lib/redeploy/slug-marker.ts'
import {waitForWeb} from '../../lib/redeploy/wait-for-web.ts'
import {describeUnrewritten} from '../../lib/scan/describe.ts'
import {presignToolbox} from '../../lib/setup/presign-toolbox.ts'
import {uploadToolbox} from '../../lib/setup/upload-toolbox.ts'
import {parseSecretKey, type PublicKey} from '../../lib/signing/nix-key.ts'
import {assembleSlug, slugChecksum, type Slug} from '../../lib/slug/assemble.ts'
import {readRunTimeScripts, type RunTimeScripts} from '../../lib/slug/run-time-scripts.ts'
import {gitIn} from '../../lib/source/git.ts'
import {resolveRevision} from '../../lib/source/revision.ts'

interface RedeployResult {
  app: string
  build: string
  commit: string | null
  slug: string
  /** the release's number, as in `v12` */
  version: number
  /** `release`: it was released already; `slug`: the app had the slug; null: it was made and uploaded */
  reused: 'release' | 'slug' | null
  /** bytes of the slug that were uploaded */
  uploaded: number
  /** how; null: nothing was uploaded */
  via: Via | null
  url: string | null
  processes: ProcessType[]
}

interface Uploaded {
  /** the slug's id */
  slug: string
  /** bytes */
  size: number
}

interface World {
  app: App
  platform: Platform
  bucket: S3Bucket
  scripts: RunTimeScripts
  record: SucceededBuild
  marker: string
  key: PublicKey
  support: Support
  /** asked for; null: by the slug's size */
  via: Via | null
  /** of the dyno that moves the slug; null: the app's default */
  dynoSize: string | null
}

const LOOK_PAUSE_MS = 1500

export default class NixRedeploy extends NixCommand {
  static override description = `release a build that was made before

Takes the build of the current commit's tree, or else the newest that succeeded, makes a slug of it and releases that. Nothing is pushed and nothing is built. A slug that the app still has is released again without copying it.`

  static override examples = [
    'heroku nix:redeploy --app example-app',
    'heroku nix:redeploy --app example-app --build 20261123-101500-k3xq',
    'heroku nix:redeploy --app example-app --via dyno --size standard-2x',
  ]

  static override flags = {
    app: Flags.app({required: true, description: 'app to release to'}),
    build: Flags.string({description: 'build to release', helpValue: 'BUILD'}),
    slugexclude: Flags.string({description: 'file to use in place of the .slugexclude that was built', helpValue: 'FILE'}),
    'only-nix': Flags.boolean({description: 'release although the app has other buildpacks, without what they add'}),
    via: Flags.option({options: ['local', 'dyno'] as const})({
      description: 'who moves the slug from the bucket to Heroku: this machine or a one-off dyno (the default above 64 MB)',
    }),
    size: Flags.string({char: 's', description: "size of that dyno (the app's own, unless given)"}),
    force: Flags.boolean({description: 'make a release also of what is released already'}),
  }

  /** bytes, above which a dyno moves the slug */
  protected viaDynoAbove = VIA_DYNO_ABOVE

  async run(): Promise<RedeployResult> {
    const flags = await this.flagsOf(NixRedeploy)
    const platform = this.platform(flags.app)
    const [app, vars, buildpacks, scripts] = await Promise.all([
      platform.app(), platform.configVars(), platform.buildpacks(), readRunTimeScripts(path.join(PACKAGE_ROOT, 'buildpack', 'share')),
    ])
    const support = checkSupported(app)
    const config = parseConfig(vars, app.name)
    if (!flags['only-nix']) checkBuildpacks(buildpacks, this.buildpackUrl(), app.name)
    const key = parseSecretKey(config.signingKey).publicKey
    const {s3Bucket} = await import('../../lib/bucket/s3-bucket.ts')
    const bucket = s3Bucket(config.bucket)
    try {
      const {record, note} = await chooseBuild(recordStore(bucket, config.appName), {
        asked: flags.build ?? null, head: flags.build === undefined ? await headTree() : null, app: config.appName, flags: config.buildFlags, key,
      })
      if (note !== null) this.warn(note)
      if (flags.slugexclude !== undefined) checkSlugexclude(record, await readRules(flags.slugexclude), flags.slugexclude)
      return await this.release({
        app, platform, bucket, scripts, record, marker: slugMarker(record, scripts, app.stack),
        key, support, via: flags.via ?? null, dynoSize: flags.size ?? null,
      }, flags.force)
    } finally {
      bucket.close()
    }
  }

  private async release(world: World, force: boolean): Promise<RedeployResult> {
    const {app, platform, record, marker} = world
    this.logToStderr(`Releasing build ${record.id} (${nameOf(record)}) to ${app.name}`)
    const unrewritten = describeUnrewritten(record.outcome.unrewritten ?? [])
    if (unrewritten !== null) this.warn(unrewritten)
    const found = await findSlug(platform, marker)
    if (found?.release.current === true && !force) {
      const formation = await platform.formation()
      this.logToStderr(`It is released already, as v${found.release.version}. Again: heroku nix:redeploy --app ${app.name} --force`)
      return {...this.summary(world, formation), slug: found.slug, version: found.release.version, reused: 'release', uploaded: 0, via: null}
    }

    const description = `Deploy Nix build ${record.id}`
    if (found !== null) {
      const release = await this.step(`Releasing the slug of v${found.release.version} again`,
        () => createRelease(platform, {slug: found.slug, description}), ({version}) => `done, v${version}`)
      return {...await this.finish(release, world), slug: found.slug, version: release.version, reused: 'slug', uploaded: 0, via: null}
    }

    const {slug, size, via} = await this.upload(world)
    const release = await this.step('Releasing', () => createRelease(platform, {slug, description}), ({version}) => `done, v${version}`)
    return {...await this.finish(release, world), slug, version: release.version, reused: null, uploaded: size, via}
  }

  /** Makes the slug out of source and layer, and gives it to Heroku. */
  private async upload(world: World): Promise<Uploaded & {via: Via}> {
    const {app, bucket, scripts, record, marker} = world
    const folder = await mkdtemp(path.join(tmpdir(), 'heroku-nix-slug-'))
    try {
      const source = await this.step('Fetching the source', () => fetchSourcePart(bucket, record, {folder, scripts}))
      for (const warning of source.warnings) this.warn(warning)
      const types = processTypes(source.procfile, record.outcome.programs)
      // The limit is checked here, before anything large moves.
      const slug = await assembleSlug({sourcePart: source.part, layer: layerPart(record, folder)})
      const via = chooseVia(world.via, slug.size, this.viaDynoAbove)
      const request: SlugRequest = {
        process_types: types, stack: app.stack, commit: record.source.commit ?? record.source.tree,
        commit_description: `Nix build ${record.id}, ${marker}`, buildpack_provided_description: 'Nix',
      }
      const uploaded = via === 'local' ? await this.sendFromHere(slug, request, folder, world) : await this.sendFromDyno(slug, request, world)
      return {...uploaded, via}
    } finally {
      await rm(folder, {recursive: true, force: true})
    }
  }

  private async sendFromHere(slug: Slug, request: SlugRequest, folder: string, {platform, bucket, record}: World): Promise<Uploaded> {
    const {layer} = record.outcome
    this.logToStderr(`The slug has ${formatBytes(slug.size)}; ${formatBytes(layer.size)} come from the bucket, ${formatBytes(slug.size)} go to Heroku`)
    await this.step('Fetching the layer', () => fetchLayer(bucket, record, {folder, onProgress: percentOf(layer.size)}))
    const created = await platform.createSlug({...request, checksum: await slugChecksum(slug)})
    await this.step('Uploading the slug', () => putSlug(created.blobUrl, slug, percentOf(slug.size)))
    return {slug: created.id, size: slug.size}
  }

  private async sendFromDyno(slug: Slug, request: SlugRequest, {app, platform, bucket, record, key, support, dynoSize}: World): Promise<Uploaded> {
    this.logToStderr(`The slug has ${formatBytes(slug.size)}; a dyno moves it from the bucket to Heroku`)
    for (const note of support.notes) this.warn(note)
    const toolbox = await this.toolbox()
    await this.step('Uploading toolbox', () => uploadToolbox(bucket, toolbox, {version: this.pluginVersion(), onTool: () => undefined}),
      ({uploaded}) => (uploaded ? 'done' : 'it is there already'))
    // Only now, because the slug's URL is good for an hour.
    const created = await platform.createSlug(request)
    const {size} = await this.step('Uploading the slug', async () => sendByDyno({
      order: makeBuildId(new Date(), randomBytes(4)), record, app, slug: created, toolbox: toolbox.digest, size: dynoSize, key,
      presigned: support.presignedLoader ? await presignToolbox(bucket, toolbox) : null,
    }, {
      platform, impatient: this.platform(app.name, 0),
      bucket: patientBucket(bucket, {
        waits: FOLLOW_WAITS, wait: seconds => delay(seconds * 1000), onWait: ({message}) => this.logToStderr(`${message} Trying again.`),
      }),
      wait: milliseconds => delay(milliseconds), elapsed: () => performance.now(), note: text => this.warn(text),
      onStarted: dyno => showStatus(`dyno ${dyno}`),
      onProgress: (sent, size) => showStatus(size === null ? 'making it' : `${Math.floor((sent / size) * 100)} %`),
    }), ({dyno}) => `done, by ${dyno}`)
    return {slug: created.id, size}
  }

  /** Follows the release phase, waits for the web dynos, and says what runs where. */
  private async finish(release: Release, world: World): Promise<Omit<RedeployResult, 'reused' | 'slug' | 'uploaded' | 'version' | 'via'>> {
    const {app, platform} = world
    const wait = () => delay(LOOK_PAUSE_MS)
    await followRelease(release, app.name, {
      platform, wait, openStream: openOutputStream,
      onOutput: bytes => (this.jsonEnabled() ? process.stderr : process.stdout).write(bytes),
    })
    const {state, formation} = await this.step('Waiting for the web dynos',
      () => waitForWeb(release.version, app.name, {platform, wait, elapsed: () => performance.now()}),
      ({state: {kind}}) => ({up: 'up', starting: 'still starting', none: 'none is wanted'})[kind])
    for (const {type, quantity, size, command} of formation) this.logToStderr(`  ${type}: ${quantity} × ${size}, ${command}`)
    if (state.kind === 'none') this.logToStderr(`No web dyno runs. To start one: heroku ps:scale web=1 --app ${app.name}`)
    else if (app.webUrl !== null) this.logToStderr(`${app.name} runs v${release.version} at ${app.webUrl}`)
    return this.summary(world, formation)
  }

  private summary({app, record}: World, processes: ProcessType[]): Omit<RedeployResult, 'reused' | 'slug' | 'uploaded' | 'version' | 'via'> {
    return {app: app.name, build: record.id, commit: record.source.commit, url: app.webUrl, processes}
  }
}

async function readRules(file: string): Promise<Buffer> {
  try {
    return await readFile(path.resolve(file))
  } catch (error) {
    throw new NixError(`--slugexclude names ${file}, which cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}.`, {
      code: 'UNREADABLE_FILE', exit: EXIT.usage, suggestions: [`ls -l ${file}`], cause: error,
    })
  }
}

/** Without a repository there is no HEAD, and the newest build is what can be meant. */
async function headTree(): Promise<string | null> {
  try {
    return (await resolveRevision(gitIn(process.cwd(), process.env), 'HEAD')).tree
  } catch (error) {
    if (error instanceof NixError) return null
    throw error
  }
}

function nameOf({source: {commit, tree}}: SucceededBuild): string {
  return commit === null ? `tree ${tree.slice(0, 10)}` : `commit ${commit.slice(0, 10)}`
}

/** Shows how far a transfer is, where the terminal can. */
function percentOf(total: number): (bytes: number) => void {
  let shown = -1
  return bytes => {
    const percent = Math.floor((bytes / total) * 100)
    if (percent === shown) return
    shown = percent
    showStatus(`${percent} %`)
  }
}

function showStatus(status: string): void {
  if (ux.action.running && process.stderr.isTTY) ux.action.status = status
}
