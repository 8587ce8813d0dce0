import {NixError, EXIT} from './errors.ts'

/** Every config var this project reads, in one place. Docs: docs/config-vars.md. */
export const CONFIG_VARS = [
  'NIX_S3_KEY', 'NIX_S3_SECRET', 'NIX_S3_BUCKET', 'NIX_S3_REGION', 'NIX_S3_ENDPOINT', 'NIX_APP_NAME',
  'NIX_SIGNING_KEY', 'NIX_BUILD_FLAGS', 'NIX_BUILD_ON_PUSH', 'NIX_VERSION', 'NIX_ENGINE', 'NIX_TOOLBOX', 'NIX_CACHE_UPSTREAM', 'NIX_CACHE_TAINTED',
] as const

export type ConfigVarName = (typeof CONFIG_VARS)[number]

/** These never reach a log, an argv, a record or a builder's environment. */
export const SECRET_CONFIG_VARS: readonly ConfigVarName[] = ['NIX_S3_KEY', 'NIX_S3_SECRET', 'NIX_SIGNING_KEY']

export type EngineChoice = 'auto' | 'relocate' | 'proot'

/** What a build or a release needs to know; every value is checked and present. */
export interface NixConfig {
  /** `NIX_APP_NAME`: the app's name in the bucket, which several Heroku apps may share. */
  appName: string
  bucket: BucketConfig
  /** Nix's own format, `name:base64(64 bytes)`. */
  signingKey: string
  /** `NIX_BUILD_FLAGS` as it stands: split as a shell splits words, never evaluated by one. */
  buildFlags: string
  engine: EngineChoice
  /** `NIX_CACHE_UPSTREAM`: whether paths that come from other caches are copied into the bucket */
  cacheUpstream: 'copy' | 'skip'
  /** `NIX_CACHE_TAINTED`: who gets outputs that hold paths which dynos alone have: our dynos, or whoever reads the cache */
  cacheTainted: 'own' | 'publish'
}

export interface BucketConfig {
  bucket: string
  key: string
  secret: string
  region: string
  /** URL of an S3-compatible store; AWS when null. */
  endpoint: string | null
}

/**
 * Reads the app's config vars.
 * @throws NixError NOT_SET_UP naming what is missing, BAD_CONFIG_VAR naming what is wrong
 */
export function parseConfig(vars: Readonly<Record<string, string | undefined>>, app: string): NixConfig {
  const required = ['NIX_S3_KEY', 'NIX_S3_SECRET', 'NIX_S3_BUCKET', 'NIX_APP_NAME', 'NIX_SIGNING_KEY'] as const
  const missing = required.filter(name => !vars[name])
  if (missing.length > 0) {
    throw new NixError(`${app} is not set up for Nix builds: it has no ${missing.join(', ')}.`, {
      code: 'NOT_SET_UP', exit: EXIT.setup, suggestions: [`heroku nix:setup --app ${app}`],
    })
  }

  const engine = vars['NIX_ENGINE'] || 'auto'
  if (engine !== 'auto' && engine !== 'relocate' && engine !== 'proot') {
    throw new NixError(`NIX_ENGINE is "${engine}"; it can be auto, relocate or proot.`, {
      code: 'BAD_CONFIG_VAR', exit: EXIT.setup, suggestions: [`heroku config:unset NIX_ENGINE --app ${app}`],
    })
  }

  const cacheUpstream = vars['NIX_CACHE_UPSTREAM'] || 'copy'
  if (cacheUpstream !== 'copy' && cacheUpstream !== 'skip') {
    throw new NixError(`NIX_CACHE_UPSTREAM is "${cacheUpstream}"; it can be copy or skip.`, {
      code: 'BAD_CONFIG_VAR', exit: EXIT.setup, suggestions: [`heroku config:unset NIX_CACHE_UPSTREAM --app ${app}`],
    })
  }

  const cacheTainted = vars['NIX_CACHE_TAINTED'] || 'own'
  if (cacheTainted !== 'own' && cacheTainted !== 'publish') {
    throw new NixError(`NIX_CACHE_TAINTED is "${cacheTainted}"; it can be own or publish.`, {
      code: 'BAD_CONFIG_VAR', exit: EXIT.setup, suggestions: [`heroku config:unset NIX_CACHE_TAINTED --app ${app}`],
    })
  }

  const text = (name: ConfigVarName) => vars[name] ?? ''
  if (!/^[\w.-]+$/.test(text('NIX_APP_NAME'))) {
    throw new NixError(`NIX_APP_NAME is "${text('NIX_APP_NAME')}"; letters, digits, ".", "_" and "-" are allowed.`, {
      code: 'BAD_CONFIG_VAR', exit: EXIT.setup, suggestions: [`heroku config:set NIX_APP_NAME=${app} --app ${app}`],
    })
  }

  return {
    appName: text('NIX_APP_NAME'),
    bucket: {
      bucket: text('NIX_S3_BUCKET'), key: text('NIX_S3_KEY'), secret: text('NIX_S3_SECRET'),
      region: vars['NIX_S3_REGION'] || 'us-east-1', endpoint: vars['NIX_S3_ENDPOINT'] || null,
    },
    signingKey: text('NIX_SIGNING_KEY'),
    buildFlags: text('NIX_BUILD_FLAGS'),
    engine,
    cacheUpstream,
    cacheTainted,
  }
}

/** Unlike the old buildpack, an empty value, `0`, `false` and `no` mean off. */
export function isOn(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false', 'no'].includes(value.trim().toLowerCase())
}
