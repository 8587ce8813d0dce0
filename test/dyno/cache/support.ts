import type {Bucket} from '../../../src/lib/bucket/bucket.ts'
import {keys} from '../../../src/lib/bucket/keys.ts'
import {parseNarInfo, type NarInfo} from '../../../src/lib/closure/narinfo.ts'
import {APP, type OrderedBuild, type RunningDyno, type World} from '../support/world.ts'

/** How one derivation is made by the image's shell: `script` makes `$out`; `inputs` are names of others. */
export interface Part {
  script: string
  inputs?: readonly string[]
}

/** A project of several derivations; the last one is the result. */
export function projectOf(parts: Readonly<Record<string, Part>>): Record<string, string> {
  const names = Object.keys(parts)
  const lines = Object.entries(parts).map(([name, {inputs = []}]) =>
    `  ${name} = derivation { name = "${name}"; system = "x86_64-linux"; builder = "/bin/sh"; `
    + `args = [ "-c" "export PATH=/usr/bin; . \${./${name}.sh}" ]; ${inputs.map(input => `${input} = ${input};`).join(' ')} };`)
  return {
    'default.nix': `let\n${lines.join('\n')}\nin ${names.at(-1) ?? ''}\n`,
    ...Object.fromEntries(Object.entries(parts).map(([name, {script}]) => [`${name}.sh`, script])),
  }
}

export async function logOf({bucket}: World, {id}: OrderedBuild): Promise<string> {
  const segments: string[] = []
  for await (const {key} of bucket.list(keys.log(APP, id, 1).slice(0, -6))) {
    segments.push((await bucket.read(key, {maxBytes: 2 ** 24}))?.bytes.toString() ?? '')
  }

  return segments.join('')
}

export interface Finished {
  status: number | null
  output: string
  log: string
  /** names of the derivations that Nix built */
  built: string[]
  /** names of the paths that Nix took from a cache, with the cache's name */
  copied: string[]
  /** the line about what was saved */
  saved: string | undefined
}

/** Runs a build to its end, whatever that is. */
export async function finish(world: World, order: OrderedBuild, running: RunningDyno): Promise<Finished> {
  const {status} = await running.ended
  const log = await logOf(world, order)
  const names = (pattern: RegExp) => [...log.matchAll(pattern)].map(match => match.slice(1).join(' from ')).sort()
  return {
    status, log, output: running.output(),
    built: names(/building '\/nix\/store\/[a-z0-9]{32}-([^']+)\.drv'/g),
    copied: names(/copying path '\/nix\/store\/[a-z0-9]{32}-([^']+)' from 'http:\/\/127\.0\.0\.1:\d+\/([^']+)'/g),
    saved: /^ *(saved .*)$/m.exec(log)?.[1],
  }
}

export async function build(world: World, files: Record<string, string>, options: {buildFlags?: string; env?: Record<string, string>} = {}): Promise<Finished> {
  const {env = {}, ...rest} = options
  const order = await world.order(files, rest)
  return finish(world, order, world.start(order, {env: {...env, ...(rest.buildFlags === undefined ? {} : {NIX_BUILD_FLAGS: rest.buildFlags})}}))
}

/** All narinfos of the bucket, by key. */
export async function narInfosOf(bucket: Bucket): Promise<Map<string, NarInfo>> {
  const found = new Map<string, NarInfo>()
  for await (const {key} of bucket.list('')) {
    if (!key.endsWith('.narinfo')) continue
    found.set(key, parseNarInfo((await bucket.read(key, {maxBytes: 2 ** 20}))?.bytes.toString() ?? '', key))
  }

  return found
}

/** The name of a store path. */
export const nameOf = ({storePath}: NarInfo): string => storePath.slice('/nix/store/'.length + 33)
