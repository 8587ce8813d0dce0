import {flags as Flags} from '@heroku-cli/command'
import {randomBytes} from 'node:crypto'
import path from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {NixCommand} from '../../cli/nix-command.ts'
import {PACKAGE_ROOT} from '../../cli/own-toolbox.ts'
import type {Bucket} from '../../lib/bucket/bucket.ts'
import {recordStore} from '../../lib/build/record-store.ts'
import type {SucceededBuild} from '../../lib/build/record.ts'
import {parseConfig} from '../../lib/config-vars.ts'
import {NixError} from '../../lib/errors.ts'
import {keepBuild} from '../../lib/gc/keep-build.ts'
import {noteRelease} from '../../lib/gc/release-notes.ts'
import {withLayer} from '../../lib/layers/with-layer.ts'
import {checkSupported} from '../../lib/platform/supported.ts'
import {buildAtHeroku} from '../../lib/redeploy/build-at-heroku.ts'
import {checkBuildpacks, requireBuildpacks} from '../../lib/redeploy/checks.ts'
import {chooseBuild} from '../../lib/redeploy/choose-build.ts'
import {VIA_DYNO_ABOVE} from '../../lib/redeploy/choose-via.ts'
import {ensureLayer, readGivenRules} from '../../lib/redeploy/ensure-layer.ts'
import type {RedeployWorld} from '../../lib/redeploy/redeploy-world.ts'
import {releaseBuild, type Released} from '../../lib/redeploy/release-build.ts'
import {describeUnrewritten} from '../../lib/scan/describe.ts'
import {parseSecretKey} from '../../lib/signing/nix-key.ts'
import {readRunTimeScripts} from '../../lib/slug/run-time-scripts.ts'
import {headTree} from '../../lib/source/head-tree.ts'

interface RedeployResult extends Released {
  app: string
  build: string
  commit: string | null
  url: string | null
}

export default class NixRedeploy extends NixCommand {
  static override description = `release a build that was made before

Takes the build of the current commit's tree, or else the newest that succeeded, makes a slug of it and releases that. Nothing is pushed and nothing is built. A slug that the app still has is released again without copying it.`

  static override examples = [
    'heroku nix:redeploy --app example-app',
    'heroku nix:redeploy --app example-app --build 20261123-101500-k3xq',
    'heroku nix:redeploy --app example-app --slugexclude smaller.slugexclude',
    'heroku nix:redeploy --app example-app --via dyno --size standard-2x',
    'heroku nix:redeploy --app example-app --via build',
  ]

  static override flags = {
    app: Flags.app({required: true, description: 'app to release to'}),
    build: Flags.string({description: 'build to release', helpValue: 'BUILD'}),
    slugexclude: Flags.string({
      description: 'file to prune by, in place of the .slugexclude that was built; a one-off dyno does that', helpValue: 'FILE', relationships: notBuilt(),
    }),
    'only-nix': Flags.boolean({description: 'release although the app has other buildpacks, without what they add', relationships: notBuilt()}),
    via: Flags.option({options: ['local', 'dyno', 'build'] as const})({
      description: "who makes the slug: this machine, a one-off dyno (the default above 64 MB), or a build at Heroku by all of the app's buildpacks",
    }),
    size: Flags.string({char: 's', description: "size of one-off dynos (the app's own, unless given)", relationships: notBuilt()}),
    force: Flags.boolean({description: 'make a release also of what is released already; --via build always does'}),
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
    if (flags.via === 'build') requireBuildpacks(buildpacks, app.name)
    else if (!flags['only-nix']) checkBuildpacks(buildpacks, this.buildpackUrl(), app.name)
    const rules = flags.slugexclude === undefined ? null : await readGivenRules(path.resolve(flags.slugexclude), flags.slugexclude)
    const key = parseSecretKey(config.signingKey).publicKey
    const {s3Bucket} = await import('../../lib/bucket/s3-bucket.ts')
    const bucket = s3Bucket(config.bucket)
    const world: RedeployWorld = {
      app, platform, impatient: this.platform(app.name, 0), bucket, key, scripts, tell: this.telling(),
      now: () => new Date(), random: randomBytes, wait: milliseconds => delay(milliseconds), elapsed: () => performance.now(),
      dynos: {support, size: flags.size ?? null, toolbox: () => this.toolbox(), version: this.pluginVersion()},
    }
    try {
      const {record, note} = await chooseBuild(recordStore(bucket, config.appName), {
        asked: flags.build ?? null, head: flags.build === undefined ? await headTree(process.cwd(), process.env) : null,
        app: config.appName, flags: config.buildFlags, key,
      })
      if (note !== null) this.warn(note)
      this.announce(record, app.name)
      await this.noteRelease(bucket, {app: config.appName, herokuApp: app.name, build: record.id})
      const layered = rules === null ? record : withLayer(record, await ensureLayer(record, rules, world))
      const released = flags.via === 'build'
        ? await buildAtHeroku(record, world)
        : await releaseBuild(layered, {via: flags.via ?? null, viaDynoAbove: this.viaDynoAbove, force: flags.force}, world)
      return {app: app.name, build: record.id, commit: record.source.commit, url: app.webUrl, ...released}
    } finally {
      bucket.close()
    }
  }

  /** Before anything is moved: who sweeps the bucket, perhaps by another app that shares these builds, leaves it alone then. */
  private async noteRelease(bucket: Bucket, release: Parameters<typeof noteRelease>[1]): Promise<void> {
    try {
      await noteRelease(bucket, release)
      await keepBuild(bucket, {app: release.app, id: release.build})
    } catch (error) {
      if (!(error instanceof NixError) || error.code === 'BUILD_SWEPT') throw error
      this.warn(`That ${release.herokuApp} releases it could not be noted in the bucket: ${error.message}`)
    }
  }

  private announce({id, source: {commit, tree}, outcome}: SucceededBuild, app: string): void {
    this.logToStderr(`Releasing build ${id} (${commit === null ? `tree ${tree.slice(0, 10)}` : `commit ${commit.slice(0, 10)}`}) to ${app}`)
    const unrewritten = describeUnrewritten(outcome.unrewritten ?? [])
    if (unrewritten !== null) this.warn(unrewritten)
  }
}

/** What makes no sense for a build at Heroku, which prunes by the project's own .slugexclude, on Heroku's own machines. */
function notBuilt() {
  return [{type: 'none' as const, flags: [{name: 'via', when: (flags: Record<string, unknown>) => Promise.resolve(flags['via'] === 'build')}]}]
}
