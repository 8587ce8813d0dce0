import {isBuildId} from './id.ts'
import {orderSource} from './ordered-source.ts'
import type {BuildSource} from './record.ts'

// Runs in the clean shell. `e` holds the NIX_* variables as assignments that bash itself quoted; they become shell
// variables, which no child gets. curl reads its credentials, and a presigned URL, from standard input. The loader's
// digest is NIX_TOOLBOX, which came with POST /dynos; a here-string ends in the one newline that the loader ends in.
const CLEAN_SHELL = [
  'umask 22',
  'cd /app',
  'IFS= read -rd "" e',
  'eval "$e"',
  'exec </dev/null',
  'r=${NIX_S3_REGION:-us-east-1}',
  'u=${NIX_S3_ENDPOINT:-https://s3.$r.amazonaws.com}',
  'c=url=${NIX_LOADER_URL:-${u%/}/$NIX_S3_BUCKET/heroku/toolbox/$NIX_TOOLBOX/loader.sh}',
  String.raw`[ $NIX_LOADER_URL ]||printf -v c "%s\nuser=%s:%s\naws-sigv4=aws:amz:$r:s3\nheader=\"x-amz-content-sha256: UNSIGNED-PAYLOAD\"" $c $NIX_S3_KEY $NIX_S3_SECRET`,
  'l=$(curl -qgfsSm99 --retry 3 --retry-all-errors -K- <<<"$c")&&[ "$(sha256sum <<<"$l")" = "$NIX_TOOLBOX  -" ]&&eval "$l"',
  'echo " !     The toolbox $NIX_TOOLBOX could not be fetched whole. Run: heroku nix:setup">&2',
  'exit 70',
].join(';')

/**
 * What the dyno runs: the same for every app but for the subcommand and the id of what was ordered, because the API, `heroku ps` and log drains
 * show it. Below 1 kB, one line.
 *
 * The shell that reads it has sourced the current slug's `.profile.d`, which may have left anything behind. As soon as
 * POSIXLY_CORRECT is set, special builtins (set, trap, exec) win over functions; the backslashes keep aliases out.
 * `exec -c` starts a new shell without any environment, so neither LD_PRELOAD nor BASH_ENV nor an exported function
 * follows; what is needed goes there by standard input, so that no environment of ours ever holds a secret again.
 */
export function dynoCommand(subcommand: 'build' | 'prune' | 'release', id: string): string {
  if (!isBuildId(id)) {
    throw new TypeError(`"${id}" is not a build id.`)
  }

  return [
    'POSIXLY_CORRECT=1',
    String.raw`\set +efuvx`,
    String.raw`\trap - 0 1 2 3 13 15 DEBUG ERR`,
    '_e=',
    'for _n in "${!NIX_@}" DYNO;do _e+="$_n=${!_n@Q};"',
    'done',
    String.raw`\exec -c /bin/bash -c '${CLEAN_SHELL}' nix ${subcommand} ${id} <<<"$_e"`,
  ].join(';')
}

export interface DynoRequestOptions {
  /** the build's id */
  build: string
  /** sha256 of the toolbox's loader */
  toolbox: string
  /** comes from here and not from the bucket, so that writing to the bucket is not building */
  source: BuildSource
  /** as Heroku names it; null: the app's default */
  size: string | null
  /** seconds, 86,400 at most */
  timeToLive: number
  /** URLs for a stack whose curl cannot sign (heroku-22); null elsewhere */
  presigned: PresignedToolbox | null
}

export interface PresignedToolbox {
  loader: string
  program: string
  node: string
  lock: string
}

/** The body of POST /apps/APP/dynos. Its `env` is returned by no API call. */
export interface DynoRequest {
  attach: false
  command: string
  env: Record<string, string>
  time_to_live: number
  size?: string
}

export function dynoRequest({build, toolbox, source, size, timeToLive, presigned}: DynoRequestOptions): DynoRequest {
  return {
    attach: false,
    command: dynoCommand('build', build),
    env: {NIX_TOOLBOX: toolbox, ...orderSource(source), ...urlsOf(presigned)},
    time_to_live: timeToLive,
    ...(size !== null && {size}),
  }
}

/** Of an order for a build that succeeded; `build` is that build. */
export interface OrderRequestOptions extends DynoRequestOptions {
  /** the order's id, of a build id's form: unlike a build, a slug may be ordered more than once */
  order: string
  /** hex, of what the layer is made from */
  layerDigest: string
}

export interface ReleaseRequestOptions extends OrderRequestOptions {
  /** hex, of the layer's bytes */
  layerSha256: string
  /** the slug's PUT URL, which no command, log or object in the bucket ever holds */
  slugUrl: string
}

/** The same for a dyno that makes a build's slug and uploads it. */
export function releaseRequest({layerSha256, slugUrl, ...options}: ReleaseRequestOptions): DynoRequest {
  return orderRequest('release', options, {NIX_SLUG_URL: slugUrl, NIX_LAYER_SHA256: layerSha256})
}

/** The same for a dyno that makes a build's layer with other rules. */
export function pruneRequest(options: OrderRequestOptions): DynoRequest {
  return orderRequest('prune', options, {})
}

function orderRequest(subcommand: 'prune' | 'release', {order, layerDigest, ...options}: OrderRequestOptions, env: Readonly<Record<string, string>>): DynoRequest {
  const request = dynoRequest(options)
  return {
    ...request, command: dynoCommand(subcommand, order),
    env: {...request.env, NIX_ORDER_BUILD: options.build, NIX_LAYER_DIGEST: layerDigest, ...env},
  }
}

function urlsOf(presigned: PresignedToolbox | null): Record<string, string> {
  return presigned === null
    ? {}
    : {NIX_LOADER_URL: presigned.loader, NIX_PROGRAM_URL: presigned.program, NIX_NODE_URL: presigned.node, NIX_LOCK_URL: presigned.lock}
}
