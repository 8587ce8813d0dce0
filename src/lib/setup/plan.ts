import {isOn, type BucketConfig, type ConfigVarName} from '../config-vars.ts'
import {isOldProject, planBuildpacks, type BuildpackChange} from './buildpacks.ts'

/** What an app lacks for builds; printed before it is done. */
export interface SetupPlan {
  app: string
  steps: SetupStep[]
  /** what the user should know, and which is not changed */
  notes: string[]
}

export type SetupStep =
  | {kind: 'create-bucket'; bucket: string; region: string}
  | {kind: 'upload-toolbox'; digest: string}
  /** null takes a var away */
  | {kind: 'set-config-vars'; vars: Partial<Record<ConfigVarName, string | null>>}
  | {kind: 'set-buildpacks'; change: Exclude<BuildpackChange, {kind: 'none'}>}

export interface SetupFacts {
  app: {name: string; region: string}
  vars: Readonly<Record<string, string>>
  buildpacks: readonly string[]
  /** our buildpack, pinned */
  buildpack: string
  /** the one that `--buildpack-url` asks for in its place */
  askedBuildpack: string | null
  bucket: BucketConfig
  bucketExists: boolean
  /** the name in the bucket that `--name` asks for */
  appName: string | null
  toolbox: ToolboxFacts
  /** used when the app has none */
  newSigningKey: string
}

export interface ToolboxFacts {
  /** the plugin's own */
  digest: string
  /** whether the bucket holds all of it */
  uploaded: boolean
  /** the plugin's version */
  version: string
  /** version of the plugin that uploaded the toolbox that the app uses; null: none, or nobody knows */
  currentVersion: string | null
}

/** Says what is missing and only that; an app that is set up gets no step. */
export function planSetup(facts: SetupFacts): SetupPlan {
  const {app, vars, bucket, toolbox} = facts
  const wanted: Partial<Record<ConfigVarName, string | null>> = {
    NIX_S3_KEY: bucket.key, NIX_S3_SECRET: bucket.secret, NIX_S3_BUCKET: bucket.bucket, NIX_S3_REGION: bucket.region,
    NIX_S3_ENDPOINT: bucket.endpoint,
    NIX_APP_NAME: facts.appName ?? (vars['NIX_APP_NAME'] || app.name),
    NIX_SIGNING_KEY: vars['NIX_SIGNING_KEY'] || facts.newSigningKey,
    NIX_TOOLBOX: hasNewerToolbox(toolbox) ? vars['NIX_TOOLBOX'] ?? null : toolbox.digest,
  }
  const changed = Object.entries(wanted).filter(([name, value]) => (vars[name] ?? null) !== value)
  const buildpacks = planBuildpacks(facts.buildpacks, facts.buildpack, facts.askedBuildpack)
  const steps: SetupStep[] = []
  if (!facts.bucketExists) steps.push({kind: 'create-bucket', bucket: bucket.bucket, region: bucket.region})
  // Before the config var that names it: a push in between must find it.
  if (!toolbox.uploaded && !hasNewerToolbox(toolbox)) steps.push({kind: 'upload-toolbox', digest: toolbox.digest})
  if (changed.length > 0) steps.push({kind: 'set-config-vars', vars: Object.fromEntries(changed)})
  if (buildpacks.kind !== 'none') steps.push({kind: 'set-buildpacks', change: buildpacks})
  return {app: app.name, steps, notes: [...newerToolbox(facts), ...leftovers(facts), ...distance(facts)]}
}

function hasNewerToolbox({version, currentVersion}: ToolboxFacts): boolean {
  return currentVersion !== null && compareVersions(currentVersion, version) > 0
}

/** A colleague with a newer plugin may have set the app up; pushes must not go back to an older toolbox. */
function newerToolbox({toolbox, app}: SetupFacts): string[] {
  return hasNewerToolbox(toolbox)
    ? [`${app.name}'s toolbox is of heroku-nix ${toolbox.currentVersion ?? ''}, newer than this plugin (${toolbox.version}), and stays. Newer: heroku plugins:update`]
    : []
}

/** Parts compare as numbers. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map(version => version.split(/[.-]/).map(part => Number.parseInt(part, 10) || 0))
  const at = (left ?? []).findIndex((part, index) => part !== (right?.[index] ?? 0))
  return at === -1 ? 0 : (left?.[at] ?? 0) - (right?.[at] ?? 0)
}

/** What the buildpack of 2016 left behind, and what it means now. */
function leftovers({vars, buildpacks, app}: SetupFacts): string[] {
  const notes: string[] = []
  const version = vars['NIX_VERSION']
  if (version && !isRecentNix(version)) {
    notes.push(`NIX_VERSION is ${version}, which the old buildpack used; builds need 2.32 or newer. Take it away: heroku config:unset NIX_VERSION --app ${app.name}`)
  }

  const push = vars['NIX_BUILD_ON_PUSH']
  if (push !== undefined && !isOn(push)) {
    notes.push(`NIX_BUILD_ON_PUSH is "${push}". For the old buildpack any value meant on; now this one means off.`)
  }

  for (const buildpack of buildpacks.filter(url => isOldProject(url))) {
    notes.push(`${buildpack} is the buildpack of 2016. It runs everything under PRoot, which Heroku no longer permits; the plan takes it away.`)
  }

  return notes
}

/** Traffic between regions is slow and costs money. */
function distance({app, bucket}: SetupFacts): string[] {
  return bucket.endpoint !== null || bucket.region === app.region
    ? []
    : [`The bucket is in ${bucket.region}, the app in ${app.region}: each build moves its closure between them, which is slower and is billed as transfer.`]
}

function isRecentNix(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 2 || (major === 2 && minor >= 32)
}
