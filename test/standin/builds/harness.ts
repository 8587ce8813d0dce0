import {execFile} from 'node:child_process'
import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {promisify} from 'node:util'
import {createBuildHost} from '../../../standin/builds/host.ts'
import {checkJail} from '../../../standin/dynos/check.ts'
import {ensureImage} from '../../../standin/image/ensure.ts'
import type {Harness, Json} from '../platform/harness.ts'
import {expectStatus, startHarness} from '../platform/harness.ts'

const run = promisify(execFile)

/** The first build image takes minutes of downloading and unpacking. */
export const IMAGE_TIMEOUT = 600_000

export interface BuildAnswer extends Json {
  id: string
  status: string
  output_stream_url: string
  release: {id: string} | null
  slug: {id: string} | null
}

export interface BuildHarness extends AsyncDisposable {
  heroku: Harness
  /** a folder that goes with it */
  dir: string
  /** makes a plain folder of these files, executable below bin/; its URL */
  buildpack(name: string, files: Record<string, string>): Promise<string>
  /** an app that uses these buildpacks */
  createApp(buildpacks: string[], settings?: Json): Promise<string>
  /** starts a build of these files; `more` are further fields of the request and of its source_blob */
  start(app: string, files: Record<string, string>, more?: {body?: Json; blob?: Json; prefix?: string}): Promise<BuildAnswer>
  /** reads a build's output to its end; the build as it then is */
  finish(app: string, build: BuildAnswer): Promise<{build: BuildAnswer; output: string}>
  build(app: string, files: Record<string, string>, more?: {body?: Json; blob?: Json; prefix?: string}): Promise<{build: BuildAnswer; output: string}>
  /** texts of files of a build's slug; null where one is not */
  slugFiles(app: string, build: BuildAnswer, names: readonly string[]): Promise<(string | null)[]>
}

export async function startBuildHarness(): Promise<BuildHarness> {
  // Here and now, so that what a machine's first making of the image says is not among what the stand-in complains of.
  await ensureImage({variant: 'heroku-24-build', report: what => console.error(what)})
  const dir = await mkdtemp(join(tmpdir(), 'builds-'))
  const buildHost = await createBuildHost({
    dir: join(dir, 'rooms'), privilege: await checkJail(), image: report => ensureImage({variant: 'heroku-24-build', report}),
  })
  const heroku = await startHarness(join(dir, 'state'), buildHost)
  const api: Harness['api'] = (...request) => heroku.api(...request)

  const start: BuildHarness['start'] = async (app, files, {body = {}, blob = {}, prefix = '.'} = {}) => {
    const {source_blob: {get_url, put_url}} = (await expectStatus(201, api<{source_blob: {get_url: string; put_url: string}}>('POST', '/sources'))).body
    const folder = await mkdtemp(join(dir, 'source-'))
    await writeFiles(join(folder, prefix), files)
    await run('tar', ['-czf', `${folder}.tgz`, '-C', folder, prefix])
    const put = await fetch(put_url, {method: 'PUT', body: new Uint8Array(await readFile(`${folder}.tgz`))})
    if (put.status !== 200) throw new Error(`PUT of the source answered ${put.status}`)
    return (await expectStatus(201, api<BuildAnswer>('POST', `/apps/${app}/builds`, {source_blob: {url: get_url, ...blob}, ...body}))).body
  }

  const finish: BuildHarness['finish'] = async (app, build) => {
    const output = await (await fetch(build.output_stream_url)).text()
    return {output, build: (await expectStatus(200, api<BuildAnswer>('GET', `/apps/${app}/builds/${build.id}`))).body}
  }

  return {
    heroku, dir, start, finish,
    async buildpack(name, files) {
      await writeFiles(join(dir, name), files)
      return `file://${join(dir, name)}`
    },
    async createApp(buildpacks, settings = {}) {
      const app = await heroku.createApp(settings)
      await expectStatus(200, api('PUT', `/apps/${app}/buildpack-installations`, {updates: buildpacks.map(buildpack => ({buildpack}))}))
      return app
    },
    build: async (app, files, more) => finish(app, await start(app, files, more)),
    async slugFiles(app, build, names) {
      const {blob} = (await expectStatus(200, api<{blob: {url: string}}>('GET', `/apps/${app}/slugs/${build.slug?.id ?? ''}`))).body
      const file = join(dir, 'slug.tgz')
      await writeFile(file, new Uint8Array(await (await fetch(blob.url)).arrayBuffer()))
      return Promise.all(names.map(name => run('tar', ['-xzOf', file, `./app/${name}`], {maxBuffer: 64 * 1024 * 1024}).then(({stdout}) => stdout, () => null)))
    },
    async [Symbol.asyncDispose]() {
      await heroku[Symbol.asyncDispose]()
      await rm(dir, {recursive: true, force: true})
    },
  }
}

export async function writeFiles(folder: string, files: Record<string, string>): Promise<void> {
  await mkdir(folder, {recursive: true})
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), {recursive: true})
    await writeFile(join(folder, name), text, {mode: name.startsWith('bin/') ? 0o755 : 0o644})
  }
}

/** Waits until a running build has said it. */
export async function saysInBuild(build: BuildAnswer, words: string): Promise<void> {
  const response = await fetch(build.output_stream_url)
  let heard = ''
  const decoder = new TextDecoder()
  if (!response.body) throw new Error('a stream without a body')
  for await (const chunk of response.body) {
    heard += decoder.decode(chunk as Uint8Array, {stream: true})
    if (heard.includes(words)) return
  }

  throw new Error(`The build ended without saying ${words}: ${heard}`)
}

/** A buildpack that shows what it is given, and makes a file of it. */
export const SHOWING: Record<string, string> = {
  'bin/detect': '#!/bin/bash\n[[ -f "$1/Showfile" ]] && echo Showing\n',
  'bin/compile': `#!/bin/bash
set -euo pipefail
echo "-----> Showing"
for name in "$3"/*; do echo "       \${name##*/}=$(cat "$name")"; done
echo "       stack $STACK, version \${SOURCE_VERSION-none}, home $HOME, config in env: \${GREETING-no}"
echo "       cached: $(cat "$2/count" 2> /dev/null || echo nothing)"
count=$(($(cat "$2/count" 2> /dev/null || echo 0) + 1))
echo "$count" > "$2/count"
touch /app/written && echo "       wrote to /app as $(id -u -n | sed 's/[0-9]/N/g')"
[[ "$1" == /tmp/build_* ]] && echo "       BUILD_DIR is below /tmp"
echo made > "$1/made"
echo "export SHOWN=yes" > "$(dirname "$0")/../export"
`,
  'bin/release': '#!/bin/bash\nprintf -- "---\\ndefault_process_types:\\n  web: ./default-web\\n  console: bash\\n"\n',
}
