import {Readable} from 'node:stream'
import {text} from 'node:stream/consumers'
import {pack} from 'tar-stream'
import type {Buildpack} from './buildpack.ts'
import type {BuildRoom, RunningStep} from './contract.ts'
import {BuildFailure, detail, step} from './failure.ts'
import type {ProcessTypes} from './process-types.ts'
import {chooseProcessTypes, parseProcfile, parseRelease} from './process-types.ts'
import {BUILDPACK, MAKE_EXECUTABLE, PACK, PACK_SLUG, PROCFILE, SLUGIGNORE, UNPACK} from './scripts.ts'

export interface CompileOrder {
  /** tar of the source */
  source: Readable
  /** whether a single folder around everything is left out */
  strip: boolean
  /** tar that an earlier build left; null: none */
  cache: Readable | null
  buildpacks: readonly Buildpack[]
  config: Readonly<Record<string, string>>
  /** variables of every step, beside HOME and PATH */
  env: Readonly<Record<string, string>>
  /** name of BUILD_DIR below /tmp */
  name: string
  /** gets the output as it comes */
  tell: (output: string | Buffer) => void
  /** what bin/detect of the buildpack that now runs called the app */
  onApp: (app: string) => void
}

export interface Compiled {
  processTypes: ProcessTypes
  /** names of the apps that were detected, as the API shows them */
  description: string
  /** tar of the slug; to be read once, and good if `ended` is 0 */
  packSlug: () => RunningStep
  packCache: () => RunningStep
}

// As on Heroku.
const CACHE = '/tmp/codon/tmp/cache'
const BUILDPACKS = '/tmp/codon/tmp/buildpacks'
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * Runs the buildpacks over the source: https://devcenter.heroku.com/articles/buildpack-api
 *
 * @throws BuildFailure as soon as a step fails
 */
export async function compile(room: BuildRoom, order: CompileOrder): Promise<Compiled> {
  const {tell, buildpacks} = order
  const build = `/tmp/${order.name}`
  const envDir = `/tmp/env_${order.name}`
  const env = {...order.env, HOME: '/app', PATH}
  const script = (output: 'apart' | 'together', input: Readable | null, program: string, ...words: string[]) =>
    room.run({argv: ['/bin/bash', '-c', program, 'build', ...words], env, input, output})
  const quiet = async (...words: [Readable | null, string, ...string[]]) => finish(script('apart', ...words))

  await expectDone(quiet(order.source, UNPACK, build, order.strip ? 'yes' : 'no'), 'unpack the source')
  const removed = await expectDone(quiet(null, SLUGIGNORE, build), 'apply .slugignore')
  if (removed !== '') tell(step(`Deleting ${removed.trim()} files matching .slugignore patterns.`))
  await expectDone(quiet(order.cache ?? emptyTar(), UNPACK, CACHE, 'no'), 'restore the build cache')
  await expectDone(quiet(configTar(order.config), UNPACK, envDir, 'no'), 'write the config vars')

  const folders = buildpacks.map((_, index) => `${BUILDPACKS}/${index + 1}`)
  for (const [index, buildpack] of buildpacks.entries()) {
    const folder = folders[index] ?? ''
    await expectDone(quiet(buildpack.open(), UNPACK, folder, 'buildpack'), `unpack buildpack ${buildpack.location}`)
    await expectDone(quiet(null, MAKE_EXECUTABLE, folder), `unpack buildpack ${buildpack.location}`)
  }

  const apps: string[] = []
  let defaults: ProcessTypes = {}
  for (const [index, buildpack] of buildpacks.entries()) {
    const run = (output: 'apart' | 'together', program: string, ...words: string[]) =>
      script(output, null, BUILDPACK, folders[index] ?? '', program, String(words.length), ...words, ...folders.slice(0, index))

    const detected = await finish(run('apart', 'detect', build))
    if (detected.status !== 0) {
      throw new Incompatible(buildpack.location, detected.errors)
    }

    const app = detected.output.trim()
    apps.push(app)
    order.onApp(app)
    tell(step(`${app} app detected`))
    const compiling = run('together', 'compile', build, CACHE, envDir)
    compiling.output.on('data', tell)
    const status = await compiling.ended
    tell(await compiling.errors)
    // Heroku's own log of builds; what it says, and whether it works, changes nothing.
    await finish(run('apart', 'report', build, CACHE, envDir))
    if (status !== 0) throw new BuildFailure(`Push rejected, failed to compile ${app} app.`, '', 'Push failed')

    const release = await finish(run('apart', 'release', build))
    // A buildpack without the program has no defaults.
    if (release.status !== 0 && release.status !== 126 && release.status !== 127) {
      throw new BuildFailure(`Push rejected, bin/release of the ${app} buildpack failed: ${release.errors.trim()}`, '', 'Push failed')
    }

    // The last buildpack's count: https://devcenter.heroku.com/articles/using-multiple-buildpacks-for-an-app
    defaults = release.status === 0 ? parseRelease(release.output, app) : {}
  }

  const {processTypes, output} = chooseProcessTypes(parseProcfile(await expectDone(quiet(null, PROCFILE, build), 'read the Procfile')), defaults)
  tell(output)
  return {
    processTypes, description: apps.join(', '),
    packSlug: () => script('apart', null, PACK_SLUG, build), packCache: () => script('apart', null, PACK, CACHE),
  }
}

/** bin/detect said no. https://devcenter.heroku.com/articles/buildpacks#detection-failure */
class Incompatible extends BuildFailure {
  override readonly output: string

  constructor(location: string, errors: string) {
    super(`App not compatible with buildpack: ${location}`)
    this.output = step(this.message) + (errors === '' ? '' : detail(errors))
      + detail('More info: https://devcenter.heroku.com/articles/buildpacks#detection-failure') + '\n !     Push failed\n'
  }
}

async function finish({output, errors, ended}: RunningStep): Promise<{status: number; output: string; errors: string}> {
  const [status, printed, complaints] = await Promise.all([ended, text(output), errors])
  return {status, output: printed, errors: complaints}
}

async function expectDone(running: Promise<{status: number; output: string; errors: string}>, what: string): Promise<string> {
  const {status, output, errors} = await running
  if (status !== 0) throw new BuildFailure(`Push rejected, cannot ${what}: ${errors.trim() || `status ${status}`}`, '', 'Push failed')
  return output
}

/** One file for each config var, with its value and no newline. */
function configTar(config: Readonly<Record<string, string>>): Readable {
  const archive = pack()
  for (const [name, value] of Object.entries(config)) archive.entry({name, mode: 0o644}, value)
  archive.finalize()
  return Readable.from(archive as AsyncIterable<Buffer>)
}

function emptyTar(): Readable {
  return configTar({})
}
