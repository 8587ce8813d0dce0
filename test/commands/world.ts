import {execFileSync} from 'node:child_process'
import {createHash} from 'node:crypto'
import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {pathToFileURL} from 'node:url'
import {after, before, beforeEach} from 'mocha'
import type {S3Bucket} from '../../src/lib/bucket/s3-bucket.ts'
import {s3Bucket} from '../../src/lib/bucket/s3-bucket.ts'
import {startStandin, type Standin} from '../support/standin.ts'
import {runCommand, type Ran} from './run-command.ts'

/** What the tests of one file share: a Heroku, a bucket, a project, and all that any command printed. */
export interface World {
  standin: Standin
  /** a Git repository with a default.nix in its one commit */
  project: string
  bucket: S3Bucket
  run: (command: Parameters<typeof runCommand>[0], argv: readonly string[], options?: {cwd?: string; input?: string; env?: Record<string, string>}) => Promise<Ran>
  git: (...args: string[]) => string
  /** everything that commands printed and threw so far */
  printed: () => string
}

/**
 * To be called in a `describe`.
 * @param options.node the Node that dynos are given: `none`, so that each ends at once, or the one of `bin/setup`
 */
export function useWorld({node = 'none'}: {node?: 'none' | 'real'} = {}): () => World {
  let world: World | undefined
  let folder = ''
  before('starts Heroku', async function () {
    this.timeout(120_000)
    folder = await mkdtemp(path.join(tmpdir(), 'commands-test-'))
    const standin = await startStandin()
    const {s3} = standin.line
    const project = path.join(folder, 'project')
    await mkdir(project)
    const tools = await writeTools(path.join(folder, 'tools'), node)
    const printed: string[] = []
    const git = (...args: string[]) => execFileSync('git', args, {cwd: project, env: {PATH: process.env['PATH'], ...GIT_ENV}, stdio: 'pipe'}).toString().trim()
    git('init', '--quiet', '--initial-branch', 'main')
    await writeFile(path.join(project, 'default.nix'), 'derivation { name = "x"; }\n')
    git('add', '--all')
    git('commit', '--quiet', '--message', 'one')
    world = {
      standin, project, git,
      bucket: s3Bucket({bucket: s3.bucket, key: s3.key, secret: s3.secret, region: s3.region, endpoint: s3.endpoint}),
      printed: () => printed.join('\n'),
      async run(command, argv, {cwd = project, env = {}, input = ''} = {}) {
        const ran = await runCommand(command, argv, {cwd, input, env: {...standin.line.env, ...GIT_ENV, HEROKU_NIX_TOOLS: tools, ...env}})
        printed.push(JSON.stringify(ran))
        return ran
      },
    }
  })
  beforeEach(async () => {
    await world?.standin.api('DELETE', '/standin/faults')
    await world?.standin.api('DELETE', '/standin/requests')
  })
  after('ends Heroku', async function () {
    this.timeout(60_000)
    world?.bucket.close()
    await world?.standin.stop()
    await rm(folder, {recursive: true, force: true})
  })
  return () => {
    if (world === undefined) throw new Error('useWorld() gives its world to tests and hooks, not to the code that describes them.')
    return world
  }
}

const GIT_ENV = {
  GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@example.test', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@example.test',
}

/** A mirror of tools. Nix is none, and takes no time to upload; a build that is started from it is lost. */
async function writeTools(folder: string, node: 'none' | 'real'): Promise<string> {
  await mkdir(folder)
  const tools = await Promise.all((['node', 'nix'] as const).map(async name => {
    if (name === 'node' && node === 'real') return realNode()
    const bytes = Buffer.from(`no ${name}`)
    await writeFile(path.join(folder, name), bytes)
    return {name, version: '1.0', sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length, format: 'tar.gz', url: name}
  }))
  const lock = path.join(folder, 'tools.lock.json')
  await writeFile(lock, JSON.stringify({version: 1, tools}))
  return lock
}

async function realNode(): Promise<object> {
  const lock = path.resolve(import.meta.dirname, '../../.cache/tools/tools.lock.json')
  const {tools} = JSON.parse(await readFile(lock, 'utf8')) as {tools: {name: string; url: string}[]}
  const tool = tools.find(({name}) => name === 'node')
  if (tool === undefined) throw new Error(`${lock} has no Node`)
  return {...tool, url: new URL(tool.url, pathToFileURL(lock)).href}
}
