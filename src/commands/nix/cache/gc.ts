import {flags as Flags} from '@heroku-cli/command'
import {randomBytes} from 'node:crypto'
import {setTimeout as delay} from 'node:timers/promises'
import {confirm, NixCommand} from '../../../cli/nix-command.ts'
import {FOLLOW_WAITS, patientBucket} from '../../../lib/bucket/patient-bucket.ts'
import type {Bucket} from '../../../lib/bucket/bucket.ts'
import {recordStore} from '../../../lib/build/record-store.ts'
import {parseConfig} from '../../../lib/config-vars.ts'
import {EXIT, NixError} from '../../../lib/errors.ts'
import {collect, planCollection} from '../../../lib/gc/collect.ts'
import {describePlan, goingOf, totalOf, type Going} from '../../../lib/gc/describe-plan.ts'
import type {SweepPlan} from '../../../lib/gc/plan-sweep.ts'
import {releasedBuilds} from '../../../lib/gc/released-builds.ts'
import type {Swept} from '../../../lib/gc/sweep.ts'
import {countBar} from '../../../lib/output/progress.ts'
import {formatBytes} from '../../../lib/output/units.ts'

interface GcResult {
  app: string
  bucket: string
  /** ids of the app's builds that stay, and why */
  kept: {build: string; reason: 'newest' | 'released' | 'young'; by: string | null}[]
  /** store paths that stay, of whatever app */
  keptPaths: number
  /** ids of the builds that go */
  builds: string[]
  going: Going[]
  /** null: nothing was deleted, as --dry-run says or because nothing goes */
  swept: Swept | null
}

const DEFAULT_KEEP = 10

export default class NixCacheGc extends NixCommand {
  static override description = `delete what nobody wants any more from the bucket

Keeps the newest builds that succeeded, the builds of the newest releases, whatever is younger than 48 hours, all builds of other apps that share the bucket, and everything that these need. Shows what stays and what goes, and asks. Builds may run meanwhile.`

  static override examples = [
    'heroku nix:cache:gc --app example-app --dry-run',
    'heroku nix:cache:gc --app example-app --keep 5',
    'heroku nix:cache:gc --app example-app --keep 5 --confirm example-app',
  ]

  static override flags = {
    app: Flags.app({required: true, description: 'app whose bucket to sweep'}),
    keep: Flags.string({description: 'how many of the newest builds stay, and how many of the newest releases', default: String(DEFAULT_KEEP), helpValue: 'N'}),
    'keep-pushes': Flags.string({description: 'how many of the newest pushes by nix:cache:push stay (all, unless given)', helpValue: 'N'}),
    'dry-run': Flags.boolean({description: 'show what would be deleted, and delete nothing'}),
    confirm: Flags.string({description: 'app name once more, to be asked nothing', exclusive: ['dry-run']}),
  }

  /** by which ages are told */
  protected now = (): Date => new Date()

  async run(): Promise<GcResult> {
    const flags = await this.flagsOf(NixCacheGc)
    const keep = parseCount('keep', flags.keep, 1)
    const keepPushes = flags['keep-pushes'] === undefined ? null : parseCount('keep-pushes', flags['keep-pushes'], 0)
    const platform = this.platform(flags.app)
    const [app, vars] = await Promise.all([platform.app(), platform.configVars()])
    if (flags.confirm !== undefined) await this.confirmed(app.name, flags.confirm)
    const config = parseConfig(vars, app.name)
    const {s3Bucket} = await import('../../../lib/bucket/s3-bucket.ts')
    const bucket = s3Bucket(config.bucket)
    const tell = this.telling()
    const patient = patientBucket(bucket, {waits: FOLLOW_WAITS, wait: seconds => delay(seconds * 1000), onWait: ({message}) => tell.warn(`${message} Trying again.`)})
    try {
      const plan = await this.step(`Looking through bucket ${bucket.name}`, async () => planCollection(patient, {
        app: config.appName, keep, keepPushes, toolbox: vars['NIX_TOOLBOX'] ?? null, now: this.now(),
        released: await releasedBuilds(platform, recordStore(patient, config.appName), {keep}),
        onLook: (what, count) => tell.status(`${count} ${what === 'listed' ? 'objects' : 'store paths'}`),
      }))
      for (const line of describePlan(plan)) this.log(line)
      const nothing = goingOf(plan).length === 0
      if (!nothing && !flags['dry-run'] && flags.confirm === undefined) await this.confirmed(app.name, undefined)
      const swept = nothing || flags['dry-run'] ? null : await this.sweep(bucket, plan)
      if (flags['dry-run'] && !nothing) this.logToStderr(`Nothing was deleted. Next: heroku nix:cache:gc --app ${app.name} --keep ${keep}`)
      return {app: app.name, bucket: bucket.name, ...resultOf(plan), swept}
    } finally {
      bucket.close()
    }
  }

  private confirmed(app: string, confirmed: string | undefined): Promise<void> {
    return confirm({app, confirmed, question: 'Delete this?', command: 'heroku nix:cache:gc'})
  }

  /** Without patience: what was looked at must not be deleted much later. */
  private async sweep(bucket: Bucket, plan: SweepPlan): Promise<Swept> {
    const stop = new AbortController()
    const onStop = () => stop.abort()
    process.once('SIGINT', onStop).once('SIGTERM', onStop)
    const {objects} = totalOf(goingOf(plan))
    const tell = this.telling()
    try {
      const swept = await this.step(`Sweeping bucket ${bucket.name}`, () => collect(bucket, plan, {
        sweep: randomBytes(16).toString('hex'), now: () => new Date(), elapsed: () => performance.now(), signal: stop.signal,
        onProgress: countBar(objects, 'objects', tell.status),
      }), describe)
      if (!swept.complete) {
        this.logToStderr('It was stopped; what is left is whole, and the next heroku nix:cache:gc goes on from here.')
        process.exitCode = 130
      }

      return swept
    } finally {
      process.off('SIGINT', onStop).off('SIGTERM', onStop)
    }
  }
}

function describe({objects, bytes, spared}: Swept): string {
  return `deleted ${objects} object${objects === 1 ? '' : 's'}, ${formatBytes(bytes)}${spared > 0 ? ` (${spared} stayed, in use again)` : ''}`
}

function resultOf(plan: SweepPlan): Omit<GcResult, 'app' | 'bucket' | 'swept'> {
  return {
    kept: [...plan.kept.builds].map(([build, reason]) => ({build, reason: reason.kind, by: reason.kind === 'released' ? reason.by : null})),
    keptPaths: plan.kept.paths, builds: plan.builds.map(({id}) => id), going: goingOf(plan),
  }
}

function parseCount(flag: string, text: string, least: number): number {
  const count = Number(text)
  if (!/^\d{1,6}$/.test(text) || count < least) {
    throw new NixError(`--${flag} is ${JSON.stringify(text)}; it must be a whole number, at least ${least}.`, {
      code: 'BAD_COUNT', exit: EXIT.usage, suggestions: [`heroku nix:cache:gc --${flag} ${DEFAULT_KEEP}`],
    })
  }

  return count
}
