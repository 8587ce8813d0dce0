import {expect} from 'chai'
import {readdir, readFile, readlink} from 'node:fs/promises'
import {join} from 'node:path'
import {gunzipSync} from 'node:zlib'
import {readObjects} from './support/bucket.ts'
import {Gate} from './support/gate.ts'
import {Project} from './support/project.ts'
import {sharedScene, type App, type Scene} from './support/scene.ts'
import {smallApp} from './support/small-app.ts'

/** What every URL that opens something without a key has. */
const PRESIGNED = /[?&](X-Amz-Signature|Signature|AWSAccessKeyId|signature|sig)=/i

/** Named by the dyno's command, or by addresses: no secrets. */
const MAY_BE_SEEN = new Set(['NIX_APP_NAME', 'NIX_S3_REGION', 'NIX_TOOLBOX'])

interface Process {
  pid: number
  argv: string
  environ: string
}

describe('secrets', function () {
  this.timeout(120_000)
  let scene: Scene
  let app: App
  let secrets: Record<string, string>
  let configVars: Record<string, string>
  let gate: Gate
  let printed: string
  let dyno: Process[]

  before(async () => {
    scene = await sharedScene()
    gate = await Gate.build()
    app = await scene.app('secrets', await Project.of(join(scene.dir, 'secrets'), smallApp({
      name: 'tells',
      attributes: 'evaluator = builtins.concatStringsSep "." (["evaluator saw ${builtins.getEnv "HOME"}"] ++ map builtins.getEnv [ "DATABASE_URL" "NIX_S3_SECRET" "NIX_SIGNING_KEY" "NIX_S3_KEY" "DYNO" ]);',
      script: `echo what a builder sees; set; cat /proc/*/environ /proc/*/cmdline | tr "\\\\0" "\\\\n"
        # As no one who hides secrets in logs would know them.
        echo "seen: $( { set; env; cat /proc/*/environ /proc/*/cmdline /proc/*/task/*/environ; echo "$evaluator"; } | base64 --wrap=0)"
        curl --silent --fail ${gate.url}`,
    })))
    await app.setUp()
    await app.api('PATCH', '/config-vars', {DATABASE_URL: 'postgres://user:password@example.com/db', SECRET_KEY_BASE: 'an-app-secret-of-its-own'})
    const vars = await app.api('GET', '/config-vars') as Record<string, string>
    configVars = vars
    secrets = {
      secret: scene.bucket.secret, key: scene.bucket.key, token: scene.standin.ready.token,
      signingKey: vars['NIX_SIGNING_KEY']?.split(':')[1] ?? '',
    }

    const terminal = app.startHeroku('nix:build', '--size=performance-l')
    await gate.arrived
    dyno = await processesBeside(gate.url)
    gate.open()
    const build = await terminal
    expect(build.exitCode, build.all).to.equal(0)
    const released = await app.heroku('nix:redeploy')
    const json = await app.heroku('nix:redeploy', '--force', '--json')
    const failed = await app.tryHeroku('nix:build', '--follow', '20000101-000000-zzzz')
    const follow = await app.heroku('nix:build', '--follow', await app.lastBuild(), '--json')
    printed = [build.all, released.all, json.all, failed.all, follow.all].join('\n')
  })

  after(() => gate[Symbol.asyncDispose]())

  it('are known, or nothing here would be found', () => {
    for (const [name, value] of Object.entries(secrets)) expect(value, name).to.have.length.above(15)
    expect(dyno.some(({argv}) => argv.includes('nix-build') || argv.includes('dyno.mjs'))).to.equal(true)
  })

  it('are in nothing that a command prints, but for the key that the user typed', () => {
    expect(found(printed)).to.deep.equal([])
    expect(printed).to.not.match(PRESIGNED)
  })

  it('are in no log of the app', async () => {
    const {all} = await app.tryHeroku('logs', '--num=1500')
    expect(all).to.include('nix build')
    expect(found(all)).to.deep.equal([])
    expect(all).to.not.match(PRESIGNED)
  })

  it('are in no record, log, index or listing in the bucket', async () => {
    const objects = await readObjects(scene.bucket, `heroku/apps/${app.name}/`)
    expect([...objects.keys()].some(key => key.endsWith('build.json'))).to.equal(true)
    for (const [key, bytes] of objects) {
      const text = (key.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1')
      expect(found(text), key).to.deep.equal([])
      expect(text, key).to.not.match(PRESIGNED)
    }
  })

  it('are not printed by a derivation that prints all it can read, however it prints it; nor is any other config var', () => {
    const seen = Buffer.from(/seen: ([\w+/=]{100,})/.exec(printed)?.[1] ?? '', 'base64').toString('latin1')
    expect(seen).to.match(/NIX_BUILD_TOP=/).and.to.match(/nix-build/).and.to.match(/evaluator saw \/app\/\.nix\/home\.\.\.\.\.\n/)
    const values = Object.entries({...configVars, token: secrets['token'] ?? ''}).filter(([name]) => !MAY_BE_SEEN.has(name))
    expect(values.length).to.be.at.least(8)
    expect(values.filter(([, value]) => seen.includes(value)).map(([name]) => name)).to.deep.equal([])
  })

  it('are in no argv of the dyno, and no program that a builder can look at has them in its environment', () => {
    expect(dyno.flatMap(({argv}) => found(argv))).to.deep.equal([])
    expect(dyno.filter(({environ}) => found(environ).length > 0).map(({pid, argv}) => `${pid} ${argv}`)).to.deep.equal([])
  })

  it('are in no slug', async () => {
    const {slug} = (await app.releases()).at(-1) ?? {slug: null}
    const {blob} = await app.api('GET', `/slugs/${slug?.id ?? ''}`) as {blob: {url: string}}
    const bytes = Buffer.from(await (await fetch(blob.url)).arrayBuffer())
    expect(found(gunzipSync(bytes).toString('latin1'))).to.deep.equal([])
  })

  /** Names of the secrets that a text holds. */
  function found(text: string): string[] {
    return Object.entries(secrets).filter(([, value]) => text.includes(value)).map(([name]) => name)
  }
})

/** The processes of the dyno in which one has this in its argv. */
async function processesBeside(mark: string): Promise<Process[]> {
  const all = (await Promise.all((await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(readProcess))).filter(one => one !== null)
  const inside = all.find(({argv, pid}) => argv.startsWith('curl ') && argv.includes(mark) && pid !== process.pid)
  if (!inside) throw new Error(`No process has ${mark} in its argv.`)
  return all.filter(({namespace}) => namespace === inside.namespace)
}

/** Null: it has ended, or is another user's. */
async function readProcess(pid: string): Promise<(Process & {namespace: string}) | null> {
  try {
    const [argv, environ, namespace] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, 'latin1'), readFile(`/proc/${pid}/environ`, 'latin1'), readlink(`/proc/${pid}/ns/pid`),
    ])
    return {pid: Number(pid), argv: argv.replaceAll('\0', ' '), environ, namespace}
  } catch {
    return null
  }
}
