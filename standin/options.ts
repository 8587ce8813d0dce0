import {resolve} from 'node:path'
import {parseArgs} from 'node:util'
import {StandinError} from './errors.ts'

export interface Options {
  help: boolean
  /** null: a temporary folder, gone at the end */
  state: string | null
  port: number
  s3: S3Options
}

/** `own`: a bucket of the stand-in; `given`: one that runs elsewhere. */
export type S3Options =
  | {kind: 'own'; bucket: string; region: string}
  | {kind: 'given'; endpoint: string; bucket: string; region: string; key: string; secret: string}

export const HELP = `Heroku on 127.0.0.1, with a bucket. Prints one line of JSON that says where everything is, then serves until SIGTERM.

Usage: bin/standin [--state DIR] [--port N] [--bucket NAME] [--region REGION] [--s3-endpoint URL]

  --state DIR        keep everything there, and come back as it was; otherwise in a temporary folder
  --port N           port of the Platform API; any free one otherwise
  --bucket NAME      the bucket (nix-cache)
  --region REGION    its region (us-east-1)
  --s3-endpoint URL  a bucket that runs elsewhere, with the credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
`

/** @throws StandinError that says what is wrong with the arguments */
export function parseOptions(args: readonly string[], env: Readonly<Record<string, string | undefined>>, cwd: string): Options {
  const {values} = parse(args)
  const port = values.port ?? '0'
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new StandinError(`--port is "${port}"; a port is a number up to 65535.`)
  const at = {bucket: values.bucket, region: values.region}
  return {
    help: values.help, state: values.state === undefined ? null : resolve(cwd, values.state), port: Number(port),
    s3: values['s3-endpoint'] === undefined ? {kind: 'own', ...at} : {kind: 'given', ...at, ...readGiven(values['s3-endpoint'], env)},
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: {type: 'boolean', short: 'h', default: false},
        state: {type: 'string'},
        port: {type: 'string'},
        bucket: {type: 'string', default: 'nix-cache'},
        region: {type: 'string', default: 'us-east-1'},
        's3-endpoint': {type: 'string'},
      },
    })
  } catch (error) {
    throw new StandinError((error as Error).message, ['bin/standin --help'], {cause: error})
  }
}

function readGiven(endpoint: string, env: Readonly<Record<string, string | undefined>>) {
  if (!/^https?:$/.test(URL.parse(endpoint)?.protocol ?? '')) throw new StandinError(`--s3-endpoint is "${endpoint}"; it must be a URL of http or https.`)
  const key = env['AWS_ACCESS_KEY_ID']
  const secret = env['AWS_SECRET_ACCESS_KEY']
  if (!key || !secret) throw new StandinError('--s3-endpoint needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.')
  return {endpoint, key, secret}
}
