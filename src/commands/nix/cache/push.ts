import * as Args from '@oclif/core/args'
import {flags as Flags} from '@heroku-cli/command'
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {NixCommand} from '../../../cli/nix-command.ts'
import {localClosure} from '../../../lib/cache/local-store.ts'
import {pushPaths, type Pushed} from '../../../lib/cache/push-paths.ts'
import {parseConfig} from '../../../lib/config-vars.ts'
import {ownClock} from '../../../lib/gc/sweep-mark.ts'
import {STORE_DIR} from '../../../lib/nix/store-path.ts'
import {transferBar} from '../../../lib/output/progress.ts'
import {formatBytes} from '../../../lib/output/units.ts'
import {parseSecretKey} from '../../../lib/signing/nix-key.ts'

interface PushResult extends Pushed {
  app: string
  bucket: string
}

export default class NixCachePush extends NixCommand {
  static override description = `copy paths from this machine's Nix store to the bucket

Builds on dynos then take them from there. Everything that the paths refer to comes along; what the bucket has is not sent again. Dynos run x86_64-linux: paths built for another system are of no use to them.`

  static override examples = [
    'heroku nix:cache:push --app example-app result',
    'heroku nix:cache:push --app example-app /nix/store/1q8w6gl1ll0mwfkqc3c2yx005s6wwfrl-hello-2.12.1',
  ]

  static override strict = false

  static override args = {
    path: Args.string({required: true, description: 'paths in the Nix store, or links to such'}),
  }

  static override flags = {
    app: Flags.app({required: true, description: 'app whose bucket to copy to'}),
  }

  /** where this machine's store lies */
  protected store = STORE_DIR

  async run(): Promise<PushResult> {
    const flags = await this.flagsOf(NixCachePush)
    const {argv} = await this.parse(NixCachePush) as {argv: string[]}
    const platform = this.platform(flags.app)
    const [app, vars] = await Promise.all([platform.app(), platform.configVars()])
    const config = parseConfig(vars, app.name)
    const key = parseSecretKey(config.signingKey)
    if (process.platform !== 'linux' || process.arch !== 'x64') {
      this.warn(`This machine is ${process.arch}-${process.platform}, and dynos are x86_64-linux: only what was built for that helps them.`)
    }

    const paths = await this.step('Reading the Nix store', () => localClosure(argv, {env: process.env, cwd: process.cwd()}),
      ({length}) => `${length} path${length === 1 ? '' : 's'}, ${argv.length === 1 ? 'with all it refers' : 'with all they refer'} to`)
    const {s3Bucket} = await import('../../../lib/bucket/s3-bucket.ts')
    const bucket = s3Bucket(config.bucket)
    const total = paths.reduce((sum, {narSize}) => sum + narSize, 0)
    const tell = this.telling()
    const scratch = await mkdtemp(path.join(tmpdir(), 'heroku-nix-push-'))
    try {
      const pushed = await this.step(`Copying to bucket ${bucket.name}`, () => pushPaths(bucket, paths, {
        key, scratch, store: this.store, app: config.appName,
        waiting: {...ownClock, onWait: () => tell.say('The bucket is being swept (nix:cache:gc); this waits for that to end.')},
        onBytes: transferBar(total, tell.status),
      }), describe)
      return {app: app.name, bucket: bucket.name, ...pushed}
    } finally {
      bucket.close()
      await rm(scratch, {recursive: true, force: true})
    }
  }
}

/** As a build's summary has it. */
function describe({saved, bytes, there}: Pushed): string {
  return `saved ${saved} path${saved === 1 ? '' : 's'}, ${formatBytes(bytes)}${there > 0 ? ` (${there} already there)` : ''}`
}
