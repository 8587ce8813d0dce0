import {flags as Flags} from '@heroku-cli/command'
import {randomBytes} from 'node:crypto'
import {setTimeout as delay} from 'node:timers/promises'
import {NixCommand} from '../../cli/nix-command.ts'
import {FOLLOW_WAITS, patientBucket} from '../../lib/bucket/patient-bucket.ts'
import type {S3Bucket} from '../../lib/bucket/s3-bucket.ts'
import {dynoRequest} from '../../lib/build/dyno-command.ts'
import {makeBuildId} from '../../lib/build/id.ts'
import {recordStore} from '../../lib/build/record-store.ts'
import type {PendingBuild, SucceededBuild, UnsuccessfulBuild} from '../../lib/build/record.ts'
import {parseConfig, type NixConfig} from '../../lib/config-vars.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import {findBuilt} from '../../lib/order/find-built.ts'
import {startDyno} from '../../lib/order/start-dyno.ts'
import {DEFAULT_TIMEOUT, parseTimeout} from '../../lib/order/time-to-live.ts'
import {watchBuild} from '../../lib/order/watch-build.ts'
import {transferBar} from '../../lib/output/progress.ts'
import {formatBytes} from '../../lib/output/units.ts'
import type {Platform} from '../../lib/platform/platform.ts'
import {checkSupported} from '../../lib/platform/supported.ts'
import type {App} from '../../lib/platform/types.ts'
import {presignToolbox} from '../../lib/setup/presign-toolbox.ts'
import {uploadToolbox} from '../../lib/setup/upload-toolbox.ts'
import {parseSecretKey} from '../../lib/signing/nix-key.ts'
import {prepareSource, uploadSource, type PreparedSource} from '../../lib/source/prepare-source.ts'

interface BuildResult {
  build: string
  state: 'pending' | 'succeeded'
  /** there was one of the same tree and flags, and no dyno was started */
  reused: boolean
  tree: string
  commit: string | null
  dyno: string | null
  /** null while it is not finished */
  result: string | null
}

interface World {
  app: App
  config: NixConfig
  platform: Platform
  bucket: S3Bucket
  records: ReturnType<typeof recordStore>
}

/** Between two looks at the log: often enough to read along, and 60 requests a minute. */
const FOLLOW_PAUSE_MS = 1000

export default class NixBuild extends NixCommand {
  static override description = `build the project on a one-off dyno

Uploads the tree of the current commit, starts one detached dyno that runs nix-build, and shows its log. The build goes on when the terminal is closed; --follow shows it again, from its start. A tree that was built before is not built again.

The exit code is 5 when nix-build failed and 6 when the dyno was lost.`

  // What oclif makes of flags that exclude one another cannot be read.
  static override usage = 'nix:build --app APP [--ref REF | --worktree] [--size SIZE] [--timeout TIME] [--force] [--detach] [--follow BUILD] [--json]'

  static override examples = [
    'heroku nix:build --app example-app',
    'heroku nix:build --app example-app --size performance-l',
    'heroku nix:build --app example-app --worktree --detach',
    'heroku nix:build --app example-app --follow 20261123-101500-k3xq',
  ]

  static override flags = {
    app: Flags.app({required: true, description: 'app to build for'}),
    ref: Flags.string({description: 'commit, branch, tag or tree to build', default: 'HEAD', exclusive: ['worktree']}),
    worktree: Flags.boolean({description: 'build the working tree, with changes and new files that no commit holds'}),
    size: Flags.string({char: 's', description: "size of the dyno (the app's own, unless given)"}),
    timeout: Flags.string({description: 'end the dyno after this time, at most 24h', default: DEFAULT_TIMEOUT}),
    force: Flags.boolean({description: 'build also what was built before'}),
    detach: Flags.boolean({description: 'start the build and show no log', aliases: ['no-follow']}),
    follow: Flags.string({
      description: 'show the log of a build that was started before', helpValue: 'BUILD',
      exclusive: ['ref', 'worktree', 'size', 'timeout', 'force', 'detach'],
    }),
  }

  async run(): Promise<BuildResult> {
    const flags = await this.flagsOf(NixBuild)
    const timeToLive = parseTimeout(flags.timeout)
    const platform = this.platform(flags.app)
    const [app, vars] = await Promise.all([platform.app(), platform.configVars()])
    const support = checkSupported(app)
    const config = parseConfig(vars, app.name)
    const {s3Bucket} = await import('../../lib/bucket/s3-bucket.ts')
    const bucket = s3Bucket(config.bucket)
    try {
      const world: World = {app, config, platform, bucket, records: recordStore(bucket, config.appName)}
      if (flags.follow !== undefined) return await this.follow(flags.follow, null, world)
      for (const note of support.notes) this.warn(note)
      return await this.build(flags, {...world, timeToLive, presignedLoader: support.presignedLoader})
    } finally {
      bucket.close()
    }
  }

  private async build(
    flags: {ref: string; worktree: boolean; size: string | undefined; force: boolean; detach: boolean},
    world: World & {timeToLive: number; presignedLoader: boolean},
  ): Promise<BuildResult> {
    const {app, config, platform, bucket, records, timeToLive} = world
    const key = parseSecretKey(config.signingKey).publicKey
    await using source = await prepareSource(
      flags.worktree ? {kind: 'worktree'} : {kind: 'ref', ref: flags.ref}, {cwd: process.cwd(), env: process.env, flags: config.buildFlags},
    )
    for (const warning of source.warnings) this.warn(warning)
    this.logToStderr(`Building ${describe(source)} for ${app.name}`)
    const built = flags.force ? null : await findBuilt({records, bucket, key}, {tree: source.revision.tree, sha256: source.sha256, config})
    if (built !== null) {
      this.logToStderr(`Build ${built.id} has built this tree already; no dyno is started. Again: heroku nix:build --app ${app.name} --force`)
      this.logToStderr(`Next: heroku nix:redeploy --app ${app.name}`)
      return {...summary(built), reused: true}
    }

    const toolbox = await this.toolbox()
    await this.step('Uploading source', () => uploadSource(bucket, config.appName, source, {onSent: transferBar(source.size, this.telling().status)}),
      ({uploaded}) => (uploaded ? `done, ${formatBytes(source.size)}` : 'it is there already'))
    await this.step('Uploading toolbox', () => uploadToolbox(bucket, toolbox, {
      version: this.pluginVersion(), status: this.telling().status, onTool: ({name, version}) => this.logToStderr(`fetching ${name} ${version}`),
    }), ({uploaded}) => (uploaded ? 'done' : 'it is there already'))

    const now = new Date()
    const record: PendingBuild = {
      version: 1, state: 'pending', id: makeBuildId(now, randomBytes(4)), app: config.appName, createdAt: now.toISOString(),
      source: {...source.revision, sha256: source.sha256}, buildFlags: config.buildFlags, toolbox: toolbox.digest,
      dynoSize: flags.size ?? null, timeToLive,
    }
    await records.create(record)
    const request = dynoRequest({
      build: record.id, toolbox: toolbox.digest, source: record.source, size: flags.size ?? null, timeToLive,
      presigned: world.presignedLoader ? await presignToolbox(bucket, toolbox) : null,
    })
    const dyno = await this.step(`Starting a dyno for build ${record.id}`, () => startDyno(record.id, request, app, {
      platform, records, wait: milliseconds => delay(milliseconds), now: () => new Date(), note: text => this.warn(text),
    }), name => `done, ${name}`)
    if (flags.detach) {
      this.logToStderr(`Its log: heroku nix:build --app ${app.name} --follow ${record.id}`)
      return {build: record.id, state: 'pending', reused: false, tree: source.revision.tree, commit: source.revision.commit, dyno, result: null}
    }

    return await this.follow(record.id, dyno, world)
  }

  /** Shows the log until the build has ended, or until Ctrl-C. */
  private async follow(id: string, dyno: string | null, {app, config, bucket: impatient}: World): Promise<BuildResult> {
    const bucket = patientBucket(impatient, {
      waits: FOLLOW_WAITS, wait: seconds => delay(seconds * 1000), onWait: ({message}) => this.logToStderr(`${message} Trying again.`),
    })
    const records = recordStore(bucket, config.appName)
    const {record: first} = await records.require(id)
    const interrupt = new AbortController()
    const onInterrupt = () => interrupt.abort()
    process.once('SIGINT', onInterrupt)
    try {
      const ended = await watchBuild(id, dyno, config.appName, {
        bucket, records, platform: this.platform(app.name, 0),
        wait: () => delay(FOLLOW_PAUSE_MS, undefined, {signal: interrupt.signal}),
        elapsed: () => performance.now(), now: () => new Date(),
        // Under --json standard output is the result's alone.
        onLog: bytes => (this.jsonEnabled() ? process.stderr : process.stdout).write(bytes),
        onLost: message => this.warn(message),
      })
      return {...this.conclude(ended, app.name), reused: false}
    } catch (error) {
      if (!interrupt.signal.aborted) throw error
      this.logToStderr(`\nThe build goes on. Its log again: heroku nix:build --app ${app.name} --follow ${id}`)
      process.exitCode = 130
      return {build: id, state: 'pending', reused: false, tree: first.source.tree, commit: first.source.commit, dyno, result: null}
    } finally {
      process.off('SIGINT', onInterrupt)
    }
  }

  /** @throws NixError for a build that did not succeed */
  private conclude(record: SucceededBuild | UnsuccessfulBuild, app: string): Omit<BuildResult, 'reused'> {
    if (record.state === 'succeeded') {
      this.logToStderr(`Build ${record.id} made ${record.outcome.result}. Next: heroku nix:redeploy --app ${app}`)
      return summary(record)
    }

    const {failure: {code, message, suggestions}, id, state} = record
    throw new NixError(`Build ${id} ${ENDINGS[state]}: ${message}`, {
      code, exit: state === 'failed' ? EXIT.buildFailed : EXIT.buildLost,
      suggestions: [...suggestions.filter(text => !text.includes(`--follow ${id}`)), `heroku nix:build --app ${app} --follow ${id}, which shows the log again`],
    })
  }
}

const ENDINGS: Readonly<Record<UnsuccessfulBuild['state'], string>> = {
  cancelled: 'was cancelled', failed: 'failed', interrupted: 'was interrupted', lost: 'was lost',
}

function summary({id, source: {tree, commit}, claim, outcome}: SucceededBuild): Omit<BuildResult, 'reused'> {
  return {build: id, state: 'succeeded', tree, commit, dyno: claim.dyno, result: outcome.result}
}

function describe({revision: {commit, tree}, ignored}: PreparedSource): string {
  const name = commit === null ? `tree ${tree.slice(0, 10)}` : `commit ${commit.slice(0, 10)}`
  return ignored === 0 ? name : `${name} (without ${ignored} ${ignored === 1 ? 'file' : 'files'} that .slugignore names)`
}
