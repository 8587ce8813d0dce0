import {expect} from 'chai'
import {createHash} from 'node:crypto'
import {spawnSync} from 'node:child_process'
import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {gunzipSync} from 'node:zlib'
import {keys} from '../../src/lib/bucket/keys.ts'
import type {BuildRecord} from '../../src/lib/build/record.ts'
import {verifyRecord} from '../../src/lib/build/signed-text.ts'
import {logOf} from './support/log-of.ts'
import {APP, hasTools, makeWorld, type OrderedBuild, type World} from './support/world.ts'

/** A derivation whose builder is the image's shell; `script` makes `$out`. */
function project(script: string): Record<string, string> {
  return {
    'default.nix': `derivation {
      name = "hello"; system = "x86_64-linux"; builder = "/bin/sh";
      args = [ "-c" "export PATH=/usr/bin; . \${./build.sh}" ];
      src = ./.;
    }\n`,
    'build.sh': script,
  }
}

const HELLO = 'echo "building in $(basename $src)"; mkdir -p $out/bin; printf "#!/bin/sh\\necho hello\\n" > $out/bin/hello; chmod +x $out/bin/hello\n'

describe('a build on a jailed dyno', function () {
  this.timeout(180_000)
  let world: World

  before(async function () {
    if (!hasTools()) {
      this.skip()
    }

    world = await makeWorld()
  })
  afterEach(() => world.faults.clear())
  after(async () => {
    // Nothing was started where the test was skipped.
    await (world as World | undefined)?.close()
  })

  /** Resolves as soon as a dyno's output, a log or a record is as it should be. */
  async function until<Value>(look: () => Promise<Value | null>): Promise<Value> {
    for (;;) {
      const seen = await look()
      if (seen !== null) {
        return seen
      }

      await delay(100)
    }
  }

  const recordOf = async ({id}: OrderedBuild): Promise<BuildRecord> => (await world.records.require(id)).record

  it('makes a signed record, a layer, a listing and a log, and shows no secret anywhere', async () => {
    const order = await world.order(project(`${HELLO}tr "\\0" "\\n" < /proc/$PPID/environ > $out/environ\n`))
    const running = world.start(order)
    const seen = watchProcesses([world.server.secret, world.server.key, world.configVars['NIX_SIGNING_KEY']?.split(':')[1] ?? ''])
    const end = await running.ended
    const leaks = seen.stop()
    expect({...end, output: running.output()}).to.include({status: 0, reason: 'exited'})

    const {record} = await world.records.require(order.id)
    if (record.state !== 'succeeded') {
      throw new Error(record.state)
    }

    verifyRecord(record, {app: APP, id: order.id, key: world.signingKey.publicKey})
    expect(record.outcome).to.include({engine: 'relocate'})
    expect(record.outcome.programs).to.deep.equal(['hello'])
    expect(record.outcome.probe).to.include({ptrace: 'refused', userNamespaces: 'refused'})
    expect(record.outcome.closure.map(({path}) => path)).to.include(record.outcome.result)

    const layer = await world.bucket.read(record.outcome.layer.key, {maxBytes: 2 ** 24})
    expect(createHash('sha256').update(layer?.bytes ?? '').digest('hex')).to.equal(record.outcome.layer.sha256)
    expect(layer?.bytes.length).to.equal(record.outcome.layer.size)
    const listing = await world.bucket.read(record.outcome.listing.key, {maxBytes: 2 ** 24})
    const listed = gunzipSync(listing?.bytes ?? '').toString().trim().split('\n').map(line => JSON.parse(line) as {path: string})
    expect(listed.map(({path}) => path)).to.include(`${record.outcome.result.slice('/nix/store/'.length)}/bin/hello`)

    expect(await world.records.pointed({tree: record.source.tree})).to.equal(order.id)
    expect(await world.records.pointed('newest')).to.equal(order.id)

    const log = await logOf(world, order)
    expect(log).to.match(/^-----> Building with the relocate engine\n {7}ptrace refused/)
    expect(log).to.match(/ {7}building in [0-9a-z]{32}-source\n/)
    expect(running.output()).to.match(/-----> Fetching toolbox\n[^]*-----> Running nix-build\n[^]*-----> Build \S+ succeeded in \d+ seconds?\n$/)
    expect(running.output()).not.to.include('building in')

    expect(leaks).to.deep.equal([])
    const secrets = [world.server.secret, world.configVars['NIX_SIGNING_KEY']?.split(':')[1] ?? '']
    const objects: string[] = [running.output(), order.request.command]
    for await (const {key, size} of world.bucket.list('heroku/')) {
      if (!key.startsWith('heroku/toolbox/tools/')) {
        const bytes = (await world.bucket.read(key, {maxBytes: size}))?.bytes ?? Buffer.alloc(0)
        objects.push((key.endsWith('.gz') ? gunzipAll(bytes) : bytes).toString('latin1'))
      }
    }

    expect(objects.length).to.be.above(6)
    for (const secret of secrets) {
      expect(objects.filter(text => text.includes(secret))).to.deep.equal([])
    }
  })

  it('is not disturbed by the current slug: an old store, read-only folders of ours, a hostile .profile.d', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'nix-slug-'))
    try {
      const old = join(dir, 'app/.nixs/00000000000000000000000000000000-pruned/bin')
      mkdirSync(old, {recursive: true})
      writeFileSync(join(old, 'hello'), 'old')
      mkdirSync(join(dir, 'app/.nix/state'), {recursive: true})
      mkdirSync(join(dir, 'app/.nix-build/source'), {recursive: true, mode: 0o755})
      writeFileSync(join(dir, 'app/.nix-build/source/default.nix'), 'throw "the old source"')
      symlinkSync('.nixs/00000000000000000000000000000000-pruned', join(dir, 'app/result'))
      mkdirSync(join(dir, 'app/.profile.d'))
      writeFileSync(join(dir, 'app/.profile.d/hostile.sh'), [
        'for f in exec curl tar mkdir rm printf read eval trap set sha256sum node env; do eval "$f() { /bin/echo hijacked; }"; export -f "$f"; done',
        'export LD_PRELOAD=/app/.nixs/nothing.so LD_LIBRARY_PATH=/app/.nixs PATH=/nowhere NODE_OPTIONS=--require=/nowhere BASH_ENV=/nowhere TMPDIR=/nowhere',
        'set -eu; umask 077; cd /tmp; trap "" TERM',
      ].join('\n'))
      const slug = join(dir, 'slug.tgz')
      expect(spawnSync('tar', ['-czf', slug, '-C', dir, './app']).status).to.equal(0)

      const order = await world.order(project(`# another tree\n${HELLO}`))
      const running = world.start(order, {slug})
      expect({...await running.ended, output: running.output()}).to.include({status: 0})
      expect((await recordOf(order)).state).to.equal('succeeded')
    } finally {
      rmSync(dir, {recursive: true})
    }
  })

  it('ends with the builder\'s words in the log when a derivation fails', async () => {
    const order = await world.order(project('echo "cannot find the frobnicator" >&2; exit 3\n'))
    const running = world.start(order)
    expect(await running.ended).to.deep.equal({status: 5, reason: 'exited'})
    const record = await recordOf(order)
    expect(record).to.deep.include({state: 'failed'}).and.to.have.property('failure').that.deep.equals({
      code: 'NIX_BUILD_FAILED', message: 'nix-build failed with exit status 100.', exitStatus: 100, suggestions: [],
    })
    expect(await logOf(world, order)).to.include('cannot find the frobnicator').and.to.match(/ ! {5}nix-build failed with exit status 100\.\n$/)
    expect(running.output()).to.match(new RegExp(` ! {5}nix-build failed with exit status 100\\.\n ! {5}Its whole log: heroku nix:build --follow ${order.id}\n$`))
  })

  it('says what is missing where there is no default.nix', async () => {
    const order = await world.order({'README.md': 'empty'})
    const running = world.start(order)
    expect((await running.ended).status).to.equal(4)
    expect(await recordOf(order)).to.have.nested.property('failure.code', 'NO_DEFAULT_NIX')
    expect(running.output()).to.include(' !     The tree has neither default.nix nor flake.nix at its root.\n !     Try: git add default.nix && git commit && heroku nix:build\n')
  })

  it('refuses a source that is not the one that was ordered', async () => {
    const [order, other] = [await world.order(project(HELLO)), await world.order({'default.nix': 'evil'})]
    const [wanted, evil] = [order, other].map(({request}) => keys.source(APP, request.env['NIX_SOURCE_TREE'] ?? ''))
    await world.bucket.put(wanted ?? '', (await world.bucket.read(evil ?? '', {maxBytes: 10_000}))?.bytes ?? Buffer.of())
    const running = world.start(order)
    expect((await running.ended).status).to.equal(10)
    expect(await recordOf(order)).to.have.nested.property('failure.code', 'WRONG_DIGEST')
  })

  it('refuses a record that names another source than was ordered', async () => {
    const order = await world.order(project(HELLO))
    const running = world.start(order, {env: {NIX_SOURCE_COMMIT: 'f'.repeat(40)}})
    expect((await running.ended).status).to.equal(10)
    expect(await recordOf(order)).to.have.nested.property('failure.message', `The record of build ${order.id} names commit none, and the build was ordered with ${'f'.repeat(40)}: somebody changed it in the bucket.`)
  })

  it('takes no build flags from the bucket', async () => {
    const order = await world.order(project(HELLO), {buildFlags: '--expr evil'})
    const running = world.start(order)
    expect((await running.ended).status).to.equal(10)
    expect(await recordOf(order)).to.have.nested.property('failure.message', 'NIX_BUILD_FLAGS is "", and this build was ordered with "--expr evil".')
  })

  it('gives nix-build its flags, which may name one of several results', async () => {
    const order = await world.order({'default.nix': '{ app, other }: { wanted = app; inherit other; }', 'hello.nix': ''}, {buildFlags: '-A wanted --arg other null --arg app "import ./build.nix"'})
    const running = world.start(order, {env: {NIX_BUILD_FLAGS: '-A wanted --arg other null --arg app "import ./build.nix"'}})
    expect((await running.ended).status).to.equal(5)
    expect(await logOf(world, order)).to.include('-----> Running nix-build -A wanted --arg other null --arg app "import ./build.nix"\n').and.to.match(/build\.nix.* does not exist/)
  })

  it('starts with presigned URLs where curl cannot sign', async () => {
    const order = await world.order(project(`# presigned\n${HELLO}`), {presigned: true})
    expect(order.request.env).to.include.keys('NIX_LOADER_URL', 'NIX_PROGRAM_URL', 'NIX_NODE_URL', 'NIX_LOCK_URL')
    const running = world.start(order)
    expect({...await running.ended, output: running.output()}).to.include({status: 0})
  })

  it('does not start with a program that is not the toolbox\'s', async () => {
    const key = keys.toolbox(world.toolbox.digest, 'dyno.mjs')
    const whole = await world.bucket.read(key, {maxBytes: 2 ** 26})
    await world.bucket.put(key, Buffer.from('console.log("evil")'))
    try {
      const order = await world.order(project(HELLO))
      const running = world.start(order)
      expect((await running.ended).status).to.equal(70)
      expect(running.output()).to.include(` !     ${key} in bucket example-bucket has another digest than its name says.\n !     Run: heroku nix:setup\n`).and.not.to.include('evil')
      expect((await recordOf(order)).state).to.equal('pending')
    } finally {
      await world.bucket.put(key, whole?.bytes ?? Buffer.alloc(0))
    }
  })

  it('is done by one dyno of two', async () => {
    const order = await world.order(project(`sleep 2; ${HELLO}`))
    const dynos = [world.start(order), world.start(order)]
    const ends = await Promise.all(dynos.map(({ended}) => ended))
    expect(ends.map(({status}) => status).sort((a, b) => a - b)).to.deep.equal([0, 11])
    const loser = dynos[ends[0]?.status === 11 ? 0 : 1]
    expect(loser?.output()).to.include(`Build ${order.id} is running already by dyno run.1234: this dyno has nothing to do.`)
    expect((await recordOf(order)).state).to.equal('succeeded')
  })

  it('is marked interrupted within seconds of SIGTERM, its log kept', async () => {
    const order = await world.order(project('echo waiting for the end; sleep 1000\n'))
    const running = world.start(order)
    await until(async () => (await logOf(world, order)).includes('waiting for the end') || null)
    const stopped = Date.now()
    running.dyno.stop()
    const end = await running.ended
    expect(Date.now() - stopped).to.be.below(25_000)
    expect(end).to.deep.equal({status: 6, reason: 'stopped'})
    const record = await recordOf(order)
    expect(record).to.have.property('state', 'interrupted')
    expect(await logOf(world, order)).to.include('The dyno was told to stop (SIGTERM)')
  })

  it('shows in its record that it lives, so that its death is seen', async () => {
    const order = await world.order(project('sleep 1000\n'))
    const running = world.start(order)
    const first = await until(async () => {
      const record = await recordOf(order)
      return record.state === 'running' ? record.heartbeatAt : null
    })
    await until(async () => {
      const record = await recordOf(order)
      return record.state === 'running' && record.heartbeatAt > first ? record : null
    })
    running.dyno.kill()
    await running.ended
    expect((await recordOf(order)).state).to.equal('running')
  })

  it('ends when its record is given up as lost by somebody else', async () => {
    const order = await world.order(project('sleep 1000\n'))
    const running = world.start(order)
    await until(() => Promise.resolve(running.output().includes('Running nix-build') || null))
    await until(async () => {
      const {record, etag} = await world.records.require(order.id)
      if (record.state !== 'running') {
        return null
      }

      const {version, id, app, createdAt, source, buildFlags, toolbox, dynoSize, timeToLive, claim, logSegments} = record
      return world.records.replace({
        version, id, app, createdAt, source, buildFlags, toolbox, dynoSize, timeToLive, claim, logSegments, state: 'lost', finishedAt: new Date().toISOString(),
        failure: {code: 'DYNO_LOST', message: 'Lost.', exitStatus: null, suggestions: []},
      }, etag)
    })
    expect((await running.ended).status).to.equal(6)
    expect(await recordOf(order)).to.have.property('state', 'lost')
    expect(running.output()).to.include(`The record of build ${order.id} was changed by somebody else`)
  })

  it('waits out a bucket that is down while the layer is uploaded', async () => {
    const order = await world.order(project(`${HELLO}echo waited > $out/waited\n`))
    world.faults.inject({method: 'PUT', path: /heroku\/layers/, times: 7, effect: {kind: 'status', status: 503}})
    const running = world.start(order)
    expect({...await running.ended, output: running.output()}).to.include({status: 0})
    expect(running.output()).to.match(/is too busy: s3:PutObject on heroku\/layers\/\S+ in bucket example-bucket .* Trying again in 1 s\./)
  })
})

/** Looks at every process's arguments and environment again and again: where one of `secrets` was seen. */
function watchProcesses(secrets: readonly string[]): {stop: () => string[]} {
  const found = new Set<string>()
  const own = new Set([process.pid, process.ppid])
  const look = () => {
    for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name) && !own.has(Number(name)))) {
      try {
        const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'latin1')
        if (secrets.some(secret => argv.includes(secret))) {
          found.add(`arguments of ${name}: ${argv}`)
        }

        const environ = readFileSync(`/proc/${pid}/environ`, 'latin1')
        // Heroku gives its config vars to a login shell (here: through bwrap and the jail's init); ours begins after that.
        if (!['bash', 'bwrap', 'init', 'perl'].includes(name) && secrets.some(secret => environ.includes(secret))) {
          found.add(`environment of ${name}`)
        }
      } catch {
        // It has ended.
      }
    }
  }
  const timer = setInterval(look, 20)
  return {stop: () => {
    clearInterval(timer)
    return [...found]
  }}
}

/** Of a layer, which is a run of members without an archive's end. */
function gunzipAll(bytes: Buffer): Buffer {
  return bytes.length === 0 ? bytes : gunzipSync(bytes)
}
