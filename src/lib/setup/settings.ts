import type {BucketConfig} from '../config-vars.ts'
import {EXIT, NixError} from '../errors.ts'

/** What the flags ask for; null where they say nothing. */
export interface Wishes {
  bucket: string | null
  region: string | null
  endpoint: string | null
  key: string | null
  appName: string | null
  /** take the add-on's bucket and keys */
  bucketeer: boolean
}

/** An access key with its secret and where it came from, for the plan. */
export interface Credentials {
  key: string
  secret: string
  from: string
}

/** Where the secret is to come from, in the order in which they are asked. */
export type SecretSource =
  | {kind: 'given'; credentials: Credentials}
  /** Nobody has given it: ask at the terminal. */
  | {kind: 'ask'; key: string}

type Vars = Readonly<Record<string, string | undefined>>

/**
 * The bucket's settings without its keys.
 * @param region the app's own, for a bucket about which nothing is said
 * @throws NixError NO_BUCKET, NO_BUCKETEER
 */
export function bucketPlace(wishes: Wishes, vars: Vars, app: {name: string; region: string}): Omit<BucketConfig, 'key' | 'secret'> {
  if (wishes.bucketeer) return {bucket: bucketeer(vars, app.name).bucket, region: bucketeer(vars, app.name).region, endpoint: null}
  const bucket = wishes.bucket ?? vars['NIX_S3_BUCKET']
  if (!bucket) {
    throw new NixError(`No bucket is named: ${app.name} has no NIX_S3_BUCKET yet.`, {
      code: 'NO_BUCKET', exit: EXIT.usage,
      suggestions: [
        `heroku nix:setup --app ${app.name} --bucket NAME`,
        `heroku addons:create bucketeer --app ${app.name} && heroku nix:setup --app ${app.name} --bucketeer`,
      ],
    })
  }

  const sameBucket = bucket === vars['NIX_S3_BUCKET']
  return {
    bucket,
    region: wishes.region ?? ((sameBucket && vars['NIX_S3_REGION']) || app.region),
    endpoint: wishes.endpoint ?? ((sameBucket && vars['NIX_S3_ENDPOINT']) || null),
  }
}

/**
 * Decides whose keys are used: what the user pointed at, else what the app has, else the environment's.
 * @param pointed from `--profile` or `--secret-stdin`
 * @param env the AWS_* variables
 * @throws NixError NO_KEY, NO_BUCKETEER, KEY_OF_OTHER_PROFILE
 */
export function chooseCredentials(
  {wishes, vars, env, pointed, app}: {wishes: Wishes; vars: Vars; env: Vars; pointed: {key: string | null; secret: string; from: string} | null; app: string},
): SecretSource {
  if (wishes.bucketeer) {
    const {key, secret} = bucketeer(vars, app)
    return {kind: 'given', credentials: {key, secret, from: 'the add-on Bucketeer'}}
  }

  const key = wishes.key ?? pointed?.key ?? vars['NIX_S3_KEY'] ?? env['AWS_ACCESS_KEY_ID']
  if (!key) {
    throw new NixError('No access key is named.', {
      code: 'NO_KEY', exit: EXIT.usage,
      suggestions: [`heroku nix:setup --app ${app} --key AKIA…`, `heroku nix:setup --app ${app} --profile default`],
    })
  }

  if (pointed) return {kind: 'given', credentials: {key, secret: pointed.secret, from: pointed.from}}
  if (key === vars['NIX_S3_KEY'] && vars['NIX_S3_SECRET']) {
    return {kind: 'given', credentials: {key, secret: vars['NIX_S3_SECRET'], from: "the app's config vars"}}
  }

  if (env['AWS_SECRET_ACCESS_KEY'] && (env['AWS_ACCESS_KEY_ID'] ?? key) === key) {
    return {kind: 'given', credentials: {key, secret: env['AWS_SECRET_ACCESS_KEY'], from: 'AWS_SECRET_ACCESS_KEY'}}
  }

  return {kind: 'ask', key}
}

/** https://devcenter.heroku.com/articles/bucketeer#environment-setup */
function bucketeer(vars: Vars, app: string): {bucket: string; region: string; key: string; secret: string} {
  const {BUCKETEER_BUCKET_NAME: bucket, BUCKETEER_AWS_REGION: region, BUCKETEER_AWS_ACCESS_KEY_ID: key, BUCKETEER_AWS_SECRET_ACCESS_KEY: secret} = vars
  if (!bucket || !region || !key || !secret) {
    throw new NixError(`${app} has no config vars of the add-on Bucketeer (BUCKETEER_BUCKET_NAME and others).`, {
      code: 'NO_BUCKETEER', exit: EXIT.setup, suggestions: [`heroku addons:create bucketeer --app ${app}`],
    })
  }

  return {bucket, region, key, secret}
}
