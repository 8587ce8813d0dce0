import type {Bucket} from '../bucket/bucket.ts'
import {keys} from '../bucket/keys.ts'
import {EXIT, NixError} from '../errors.ts'
import {planToolbox} from '../tools/ensure-toolbox.ts'
import type {Toolbox} from '../tools/toolbox.ts'
import type {ToolboxFacts} from './plan.ts'
import {probeBucket} from './probe.ts'

/** Whether the bucket is there. @throws NixError whatever else the probe finds, with setup's own next step */
export async function bucketExists(bucket: Bucket, nonce: string, app: string): Promise<boolean> {
  try {
    await probeBucket(bucket, nonce)
    return true
  } catch (error) {
    if (error instanceof NixError && error.code === 'NO_SUCH_BUCKET') return false
    throw error instanceof NixError ? forSetup(error, app) : error
  }
}

/** The bucket's errors point to setup; in setup itself the next step is one of its flags. */
function forSetup(error: NixError, app: string): NixError {
  const setup = `heroku nix:setup --app ${app}`
  const region = /NIX_S3_REGION=([\w-]+)/.exec(error.suggestions.join(' '))?.[1]
  const suggestions: Record<string, string[]> = {
    BAD_S3_KEY: [`${setup} --key AKIA…`],
    BAD_S3_SECRET: [`${setup} --secret-stdin < FILE-WITH-THE-SECRET`, `${setup} --profile default`],
    WRONG_REGION: [`${setup} --region ${region ?? 'REGION'}`],
    BUCKET_UNREACHABLE: [`${setup} --endpoint URL`],
  }
  const next = suggestions[error.code]
  return next ? new NixError(error.message, {code: error.code, exit: error.exitCode, suggestions: next, cause: error.cause}) : error
}

/** What the bucket holds of the plugin's toolbox, and how old the app's is. @param current NIX_TOOLBOX */
export async function readToolboxFacts(
  bucket: Bucket, toolbox: Toolbox, {version, current}: {version: string; current: string | undefined},
): Promise<ToolboxFacts> {
  const [plan, currentVersion] = await Promise.all([
    planToolbox(toolbox, async key => await bucket.head(key) !== null),
    current ? toolboxVersion(bucket, current) : null,
  ])
  return {digest: toolbox.digest, uploaded: plan.tools.length + plan.files.length === 0, version, currentVersion}
}

async function toolboxVersion(bucket: Bucket, digest: string): Promise<string | null> {
  if (!/^[0-9a-f]{64}$/.test(digest)) {
    throw new NixError('NIX_TOOLBOX is not a sha256 in hex.', {
      code: 'BAD_CONFIG_VAR', exit: EXIT.setup, suggestions: ['heroku config:unset NIX_TOOLBOX'],
    })
  }

  const object = await bucket.read(keys.toolbox(digest, 'version'), {maxBytes: 256})
  const version = object?.bytes.toString().trim() ?? ''
  return /^\d+\.\d+\.\d+[\w.-]*$/.test(version) ? version : null
}
