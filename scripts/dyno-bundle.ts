import {join} from 'node:path'
import {build, type BuildOptions} from 'esbuild'
import {readRunTimeScripts} from '../src/lib/slug/run-time-scripts.ts'

const root = join(import.meta.dirname, '..')

const OPTIONS = {
  bundle: true, platform: 'node', target: 'node24', format: 'esm', minify: true, legalComments: 'none', logLevel: 'warning',
} satisfies BuildOptions

/** How each program that runs on dynos becomes one file, with those of its threads in it. */
export async function dynoBundle(): Promise<BuildOptions & {define: Record<string, string>}> {
  return {
    ...OPTIONS,
    // Some dependencies are CommonJS and call `require` for Node's own modules, which an ES module lacks.
    banner: {js: 'import {createRequire as __createRequire} from "node:module"; const require = __createRequire(import.meta.url);'},
    define: {
      FILE_WORKER_PROGRAM: JSON.stringify(await textOf('src/lib/view/file-worker.ts')),
      PACK_THREAD_PROGRAM: JSON.stringify(await textOf('src/lib/cache/pack-thread.ts')),
    },
  }
}

/** The text of the program that a dyno's loader starts. */
export async function dynoProgram(): Promise<string> {
  const options = await dynoBundle()
  return textOf('src/dyno/main.ts', {
    ...options,
    define: {
      ...options.define,
      EXTERNAL_BUILDER_PROGRAM: JSON.stringify(await externalBuilderProgram()),
      RUN_TIME_SCRIPTS: JSON.stringify(await readRunTimeScripts(join(root, 'buildpack/share'))),
    },
  })
}

/** The text of what Nix starts for each derivation. */
export async function externalBuilderProgram(): Promise<string> {
  return textOf('src/dyno/external-builder-main.ts', await dynoBundle())
}

export async function textOf(entryPoint: string, options: BuildOptions = OPTIONS): Promise<string> {
  const {outputFiles} = await build({...options, entryPoints: [join(root, entryPoint)], write: false})
  const [file] = outputFiles
  if (!file) throw new Error(`esbuild made nothing of ${entryPoint}`)
  return file.text
}
