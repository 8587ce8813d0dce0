import {flags as Flags, prompter} from '@heroku-cli/command'
import {randomBytes, randomUUID} from 'node:crypto'
import {text} from 'node:stream/consumers'
import {canAsk, confirm, NixCommand} from '../../cli/nix-command.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import {checkSupported} from '../../lib/platform/supported.ts'
import type {Platform} from '../../lib/platform/platform.ts'
import {checkBuildpackUrl} from '../../lib/setup/buildpack-url.ts'
import {describePlan, describeStep} from '../../lib/setup/describe.ts'
import {probeBucket} from '../../lib/setup/probe.ts'
import {bucketExists as tryBucket, readToolboxFacts} from '../../lib/setup/read-facts.ts'
import {noteToolbox, uploadToolbox} from '../../lib/setup/upload-toolbox.ts'
import {formatSecretKey, makeSecretKey} from '../../lib/signing/nix-key.ts'
import {planSetup, type SetupPlan, type SetupStep} from '../../lib/setup/plan.ts'
import {bucketPlace, chooseCredentials, type Credentials, type Wishes} from '../../lib/setup/settings.ts'
import type {BucketConfig} from '../../lib/config-vars.ts'
import type {S3Bucket} from '../../lib/bucket/s3-bucket.ts'
import type {Toolbox} from '../../lib/tools/toolbox.ts'

interface SetupResult {
  app: string
  bucket: string
  region: string
  endpoint: string | null
  /** kinds of the steps that were done, in their order */
  done: string[]
  notes: string[]
}

export default class NixSetup extends NixCommand {
  static override description = `set an app up for Nix builds

Looks at the app and the bucket, shows what is missing, asks, and does it: tries the bucket, makes a signing key, uploads what dynos start from, sets the config vars in one release, adds the buildpack. Run again, it has nothing to do.

The bucket's secret key is asked for, or read from standard input, AWS_SECRET_ACCESS_KEY or an AWS profile.`

  static override examples = [
    'heroku nix:setup --app example-app --bucket example-bucket --key AKIAIOSFODNN7EXAMPLE',
    'heroku nix:setup --app example-app --bucket example-bucket --profile default --confirm example-app',
    'heroku addons:create bucketeer --app example-app && heroku nix:setup --app example-app --bucketeer',
    'heroku nix:setup --app example-app --bucket example-bucket --endpoint https://s3.example.com --key example-key --secret-stdin < secret.txt',
  ]

  static override flags = {
    app: Flags.app({required: true, description: 'app to set up'}),
    bucket: Flags.string({description: 'S3 bucket for builds; made if there is none', exclusive: ['bucketeer']}),
    region: Flags.string({description: "bucket's region (the app's own, unless NIX_S3_REGION is set)", exclusive: ['bucketeer']}),
    endpoint: Flags.string({description: 'URL of an S3-compatible store (AWS when absent)', exclusive: ['bucketeer']}),
    key: Flags.string({description: 'access key of the bucket', exclusive: ['bucketeer']}),
    profile: Flags.string({description: 'AWS profile to take access key and secret from', exclusive: ['bucketeer', 'secret-stdin']}),
    'secret-stdin': Flags.boolean({description: 'read the secret from standard input', exclusive: ['bucketeer', 'profile']}),
    bucketeer: Flags.boolean({description: 'use the bucket of the add-on Bucketeer'}),
    name: Flags.string({description: "app's name in the bucket, which several apps may share (NIX_APP_NAME)"}),
    'buildpack-url': Flags.string({description: 'Git URL of the buildpack at a mirror (this version of it, unless given)'}),
    confirm: Flags.string({description: 'app name once more, to be asked nothing'}),
  }

  async run(): Promise<SetupResult> {
    const flags = await this.flagsOf(NixSetup)
    const platform = this.platform(flags.app)
    const [app, vars, buildpacks, toolbox] = await Promise.all([
      platform.app(), platform.configVars(), platform.buildpacks(), this.toolbox(),
    ])
    const support = checkSupported(app)
    const region = (await platform.region(app.region)).provider ?? 'us-east-1'
    const wishes: Wishes = {
      bucket: flags.bucket ?? null, region: flags.region ?? null, endpoint: flags.endpoint ?? null, key: flags.key ?? null,
      appName: flags.name ?? null, bucketeer: flags.bucketeer,
    }
    const place = bucketPlace(wishes, vars, {name: app.name, region})
    const {key, secret} = await this.credentials(wishes, vars, app.name, flags.profile, flags['secret-stdin'])
    const config: BucketConfig = {...place, key, secret}

    const {s3Bucket} = await import('../../lib/bucket/s3-bucket.ts')
    const bucket = s3Bucket(config)
    try {
      const bucketExists = await this.step(`Trying bucket ${config.bucket}`, () => tryBucket(bucket, randomUUID(), app.name),
        exists => (exists ? 'done' : 'there is none'))
      const plan = planSetup({
        app: {name: app.name, region}, vars, buildpacks, bucket: config, bucketExists, appName: wishes.appName,
        buildpack: this.buildpackUrl(), askedBuildpack: checkBuildpackUrl(flags['buildpack-url'] ?? null),
        toolbox: bucketExists
          ? await readToolboxFacts(bucket, toolbox, {version: this.pluginVersion(), current: vars['NIX_TOOLBOX']})
          : {digest: toolbox.digest, uploaded: false, version: this.pluginVersion(), currentVersion: null},
        newSigningKey: formatSecretKey(makeSecretKey(`${wishes.appName ?? app.name}-1`, randomBytes(32))),
      })
      const shown = {...plan, notes: [...plan.notes, ...support.notes]}
      for (const line of describePlan(shown)) this.logToStderr(line)
      if (plan.steps.length > 0) {
        await confirm({app: app.name, confirmed: flags.confirm, question: 'Do this?', command: 'heroku nix:setup'})
        await this.apply(plan, {platform, bucket, config, toolbox, app: app.name, vars})
        this.logToStderr(`\n${app.name} is set up. Next: heroku nix:build --app ${app.name}`)
      }

      const {bucket: name, region: bucketRegion, endpoint} = config
      return {app: app.name, bucket: name, region: bucketRegion, endpoint, done: plan.steps.map(({kind}) => kind), notes: shown.notes}
    } finally {
      bucket.close()
    }
  }

  /** In the plan's order: what is written later refers to what was written before. */
  private async apply(plan: SetupPlan, world: {platform: Platform; bucket: S3Bucket; config: BucketConfig; toolbox: Toolbox; app: string; vars: Readonly<Record<string, string>>}): Promise<void> {
    for (const step of plan.steps) {
      const [name = ''] = describeStep(step)
      await this.step(`${name.charAt(0).toUpperCase()}${name.slice(1)}`.replace(/:$/, ''), () => this.applyStep(step, world))
    }
  }

  private async applyStep(step: SetupStep, {platform, bucket, config, toolbox, app, vars}: Parameters<NixSetup['apply']>[1]): Promise<void> {
    switch (step.kind) {
      case 'create-bucket': {
        const {createBucket} = await import('../../lib/setup/create-bucket.ts')
        await createBucket(config)
        await probeBucket(bucket, randomUUID())
        break
      }

      case 'upload-toolbox': {
        await this.uploadToolbox(bucket, toolbox)
        break
      }

      case 'set-config-vars': {
        // Also where the bucket or the name in it changes alone.
        const digest = step.vars.NIX_TOOLBOX ?? vars['NIX_TOOLBOX']
        if (digest) {
          // One that is there already may be as old as what is swept.
          if (digest === toolbox.digest) await this.uploadToolbox(bucket, toolbox)
          await noteToolbox(bucket, {app: step.vars.NIX_APP_NAME ?? vars['NIX_APP_NAME'] ?? app, herokuApp: app, digest})
        }

        await platform.setConfigVars(step.vars)
        break
      }

      case 'set-buildpacks': {
        await platform.setBuildpacks(step.change.buildpacks)
        break
      }
    }
  }

  private async uploadToolbox(bucket: S3Bucket, toolbox: Toolbox): Promise<void> {
    await uploadToolbox(bucket, toolbox, {
      version: this.pluginVersion(), status: this.telling().status, onTool: ({name, version}) => this.logToStderr(`  fetching ${name} ${version}`),
    })
  }

  private async credentials(
    wishes: Wishes, vars: Record<string, string>, app: string, profile: string | undefined, fromStdin: boolean | undefined,
  ): Promise<Credentials> {
    const pointed = await this.pointedAt(profile, fromStdin ?? false)
    const source = chooseCredentials({wishes, vars, env: process.env, pointed, app})
    if (source.kind === 'given') return source.credentials
    if (!canAsk()) {
      throw new NixError('The secret of the access key is not known, and there is no terminal to ask at.', {
        code: 'NO_SECRET', exit: EXIT.usage,
        suggestions: [`heroku nix:setup --app ${app} --secret-stdin < FILE-WITH-THE-SECRET`, 'set AWS_SECRET_ACCESS_KEY', `heroku nix:setup --app ${app} --profile default`],
      })
    }

    const {secret} = await prompter.prompt<{secret: string}>([
      {type: 'password', name: 'secret', mask: '*', message: `Secret of the access key ${source.key}`},
    ])
    return {key: source.key, secret: secret.trim(), from: 'the terminal'}
  }

  private async pointedAt(profile: string | undefined, fromStdin: boolean): Promise<{key: string | null; secret: string; from: string} | null> {
    if (profile !== undefined) return (await import('../../lib/setup/aws-profile.ts')).profileCredentials(profile)
    if (!fromStdin) return null
    const secret = (await text(process.stdin)).trim()
    if (secret === '') throw new NixError('Standard input held no secret.', {code: 'NO_SECRET', exit: EXIT.usage, suggestions: ['heroku nix:setup --secret-stdin < FILE-WITH-THE-SECRET']})
    return {key: null, secret, from: 'standard input'}
  }
}
