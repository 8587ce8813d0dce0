import {flags as Flags} from '@heroku-cli/command'
import {ux} from '@oclif/core/ux'
import {mkdtemp, readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {PACKAGE_ROOT} from '../../cli/own-toolbox.ts'
import {NixCommand} from '../../cli/nix-command.ts'
import type {S3Bucket} from '../../lib/bucket/s3-bucket.ts'
import {recordStore} from '../../lib/build/record-store.ts'
import type {SucceededBuild} from '../../lib/build/record.ts'
import {parseConfig} from '../../lib/config-vars.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import {formatBytes} from '../../lib/output/units.ts'
import type {Platform} from '../../lib/platform/platform.ts'
import {checkSupported} from '../../lib/platform/supported.ts'
import type {App, ProcessType, Release} from '../../lib/platform/types.ts'
import {checkBuildpacks, checkSlugexclude} from '../../lib/redeploy/checks.ts'
import {chooseBuild} from '../../lib/redeploy/choose-build.ts'
import {fetchLayer, fetchSourcePart, layerPart} from '../../lib/redeploy/fetch-parts.ts'
import {findSlug} from '../../lib/redeploy/find-slug.ts'
import {followRelease, openOutputStream} from '../../lib/redeploy/follow-release.ts'
import {processTypes} from '../../lib/redeploy/procfile.ts'
import {putSlug} from '../../lib/redeploy/put-slug.ts'
import {createRelease} from '../../lib/redeploy/create-release.ts'
import {slugMarker} from '../../lib/redeploy/slug-marker.ts'
import {waitForWeb} from '../../lib/redeploy/wait-for-web.ts'
import {parseSecretKey} from '../../lib/signing/nix-key.ts'
import {assembleSlug, slugChecksum} from '../../lib/slug/assemble.ts'
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
  url: string | null
  processes: ProcessType[]
}

interface World {
  app: App
  platform: Platform
  bucket: S3Bucket
  scripts: RunTimeScripts
  record: SucceededBuild
  marker: string
}

const LOOK_PAUSE_MS = 1500

export default class NixRedeploy extends NixCommand {
  static override description = `release a build that was made before

Takes the build of the current commit's tree, or else the newest that succeeded, makes a slug of it and releases that. Nothing is pushed and nothing is built. A slug that the app still has is released again without copying it.`

  static override examples = [
    'heroku nix:redeploy --app example-app',
    'heroku nix:redeploy --app example-app --build 20261123-101500-k3xq',
  ]

  static override flags = {
    app: Flags.app({required: true, description: 'app to release to'}),
    build: Flags.string({description: 'build to release', helpValue: 'BUILD'}),
    slugexclude: Flags.string({description: 'file to use in place of the .slugexclude that was built', helpValue: 'FILE'}),
    'only-nix': Flags.boolean({description: 'release although the app has other buildpacks, without what they add'}),
    force: Flags.boolean({description: 'make a release also of what is released already'}),
  }

  async run(): Promise<RedeployResult> {
    const flags = await this.flagsOf(NixRedeploy)
    const platform = this.platform(flags.app)
    const [app, vars, buildpacks, scripts] = await Promise.all([
      platform.app(), platform.configVars(), platform.buildpacks(), readRunTimeScripts(path.join(PACKAGE_ROOT, 'buildpack', 'share')),
    ])
    checkSupported(app)
    const config = parseConfig(vars, app.name)
    if (!flags['only-nix']) checkBuildpacks(buildpacks, this.buildpackUrl(), app.name)
    const {s3Bucket} = await import('../../lib/bucket/s3-bucket.ts')
    const bucket = s3Bucket(config.bucket)
    try {
      const {record, note} = await chooseBuild(recordStore(bucket, config.appName), {
        asked: flags.build ?? null, head: flags.build === undefined ? await headTree() : null, app: config.appName,
        key: parseSecretKey(config.signingKey).publicKey,
      })
      if (note !== null) this.warn(note)
      if (flags.slugexclude !== undefined) checkSlugexclude(record, await readRules(flags.slugexclude), flags.slugexclude)
      return await this.release({app, platform, bucket, scripts, record, marker: slugMarker(record, scripts, app.stack)}, flags.force)
    } finally {
      bucket.close()
    }
  }

  private async release(world: World, force: boolean): Promise<RedeployResult> {
    const {app, platform, record, marker} = world
    this.logToStderr(`Releasing build ${record.id} (${nameOf(record)}) to ${app.name}`)
    const found = await findSlug(platform, marker)
    if (found?.release.current === true && !force) {
      const formation = await platform.formation()
      this.logToStderr(`It is released already, as v${found.release.version}. Again: heroku nix:redeploy --app ${app.name} --force`)
      return {...this.summary(world, formation), slug: found.slug, version: found.release.version, reused: 'release', uploaded: 0}
    }

    const description = `Deploy Nix build ${record.id}`
    if (found !== null) {
      const release = await this.step(`Releasing the slug of v${found.release.version} again`,
        () => createRelease(platform, {slug: found.slug, description}), ({version}) => `done, v${version}`)
      return {...await this.finish(release, world), slug: found.slug, version: release.version, reused: 'slug', uploaded: 0}
    }

    const {slug, size} = await this.upload(world)
    const release = await this.step('Releasing', () => createRelease(platform, {slug, description}), ({version}) => `done, v${version}`)
    return {...await this.finish(release, world), slug, version: release.version, reused: null, uploaded: size}
  }

  /** Makes the slug out of source and layer, and gives it to Heroku. */
  private async upload({app, platform, bucket, scripts, record, marker}: World): Promise<{slug: string; size: number}> {
    const folder = await mkdtemp(path.join(tmpdir(), 'heroku-nix-slug-'))
    try {
      const source = await this.step('Fetching the source', () => fetchSourcePart(bucket, record, {folder, scripts}))
      for (const warning of source.warnings) this.warn(warning)
      const types = processTypes(source.procfile, record.outcome.programs)
      // The limit is checked here, before anything large moves.
      const slug = await assembleSlug({sourcePart: source.part, layer: layerPart(record, folder)})
      this.logToStderr(`The slug has ${formatBytes(slug.size)}; ${formatBytes(record.outcome.layer.size)} come from the bucket, ${formatBytes(slug.size)} go to Heroku`)
      await this.step('Fetching the layer', () => fetchLayer(bucket, record, {folder, onProgress: percentOf(record.outcome.layer.size)}))
      const checksum = await slugChecksum(slug)
      const created = await platform.createSlug({
        process_types: types, stack: app.stack, checksum, commit: record.source.commit ?? record.source.tree,
        commit_description: `Nix build ${record.id}, ${marker}`, buildpack_provided_description: 'Nix',
      })
      await this.step('Uploading the slug', () => putSlug(created.blobUrl, slug, percentOf(slug.size)))
      return {slug: created.id, size: slug.size}
    } finally {
      await rm(folder, {recursive: true, force: true})
    }
  }

  /** Follows the release phase, waits for the web dynos, and says what runs where. */
  private async finish(release: Release, world: World): Promise<Omit<RedeployResult, 'reused' | 'slug' | 'uploaded' | 'version'>> {
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

  private summary({app, record}: World, processes: ProcessType[]): Omit<RedeployResult, 'reused' | 'slug' | 'uploaded' | 'version'> {
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
    if (percent === shown || !ux.action.running || !process.stderr.isTTY) return
    shown = percent
    ux.action.status = `${percent} %`
  }
}
