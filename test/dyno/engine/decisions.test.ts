import {expect} from 'chai'
import {parseBuildJson, type BuildJson} from '../../../src/dyno/engine/build-json.ts'
import {buildFolderName} from '../../../src/dyno/engine/build-folder.ts'
import {builderCommand} from '../../../src/dyno/engine/builder-environment.ts'
import {parsePackages} from '../../../src/dyno/engine/builtin/buildenv.ts'
import {chooseEngine} from '../../../src/dyno/engine/choose-engine.ts'
import {kindOfDerivation, missingFeatures} from '../../../src/dyno/engine/derivation-kind.ts'
import {findNix} from '../../../src/dyno/engine/install-nix.ts'
import {jobsAndCores} from '../../../src/dyno/engine/jobs-and-cores.ts'
import {renderNixConf} from '../../../src/dyno/engine/nix-conf.ts'
import {cgroupFiles, parseLimit, parseProcessLimit, type Probe} from '../../../src/dyno/engine/probe.ts'
import {sayNowAndThen} from '../../../src/dyno/engine/say-now-and-then.ts'
import {systemsOf} from '../../../src/dyno/engine/systems.ts'
import {NixError} from '../../../src/lib/errors.ts'

const HASH = '6f6had9j0i1g00p64sfs94jbm2pcfvbj'
const JOB: BuildJson = {
  builder: `/nix/store/${HASH}-bash/bin/bash`, args: ['-c', `cat /nix/store/${HASH}-src > $out; mkdir ./build`], inputPaths: [], outputs: {out: `/nix/store/${HASH}-x`},
  env: {out: `/nix/store/${HASH}-x`, TMPDIR: '/build', textPath: '/build/.attr-1', text: 'in /build', NIX_STORE: '/nix/store', NIX_BUILD_CORES: '2'},
  realStoreDir: '/app/.nix/store', system: 'x86_64-linux', tmpDir: '/t/build', topTmpDir: '/t', tmpDirInSandbox: '/build',
}
const PROBE: Probe = {ptrace: 'refused', userNamespaces: 'refused', programs32: 'refused', processors: 8, memory: 2 ** 31, memoryFrom: 'cgroup', threads: 512, kernel: '6', bash: null, curl: null}

describe('build.json', () => {
  const text = (changes: object) => JSON.stringify({version: 1, storeDir: '/nix/store', ...JOB, ...changes})

  it('is read', () => {
    expect(parseBuildJson(text({}))).to.deep.equal(JOB)
  })

  for (const [what, changes, message] of [
    ['another version', {version: 2}, 'build.json has version 2, not 1: this Nix is newer than the external builder'],
    ['another store', {storeDir: '/gnu/store'}, 'build.json is of the store /gnu/store, not /nix/store'],
    ['arguments that are no list', {args: 'a'}, 'build.json has no good args: "a"'],
    ['no outputs', {outputs: undefined}, 'build.json has no good outputs: null'],
  ] as const) {
    it(`is refused with ${what}`, () => {
      expect(() => parseBuildJson(text(changes))).to.throw(message)
    })
  }
})

describe("the builder's command", () => {
  it('is in the words of the view, and /build is the folder where it begins a value', () => {
    expect(builderCommand(JOB, '/app/.nix/b/abc')).to.deep.equal({
      file: `/app/.nixs/${HASH}-bash/bin/bash`, argv: ['bash', '-c', `cat /app/.nixs/${HASH}-src > $out; mkdir ./build`],
      env: {out: `/app/.nixs/${HASH}-x`, TMPDIR: '/app/.nix/b/abc', textPath: '/app/.nix/b/abc/.attr-1', text: 'in /build', NIX_STORE: '/app/.nixs', NIX_BUILD_CORES: '2'},
    })
  })
})

describe("the build folder's name", () => {
  const name = (changes: Partial<BuildJson> = {}, content = 'a') => buildFolderName({...JOB, ...changes}, [{name: '.attr-1', content: Buffer.from(content)}])

  it('is the same when built again under another output path and with other cores', () => {
    const other = `/nix/store/0${HASH.slice(1)}-x`
    expect(name({outputs: {out: other}, env: {...JOB.env, out: other, NIX_BUILD_CORES: '8'}, args: JOB.args.map(arg => arg.replace(HASH, `0${HASH.slice(1)}`)), builder: JOB.builder.replace(HASH, `0${HASH.slice(1)}`)})).to.equal(name())
  })

  it('is another for another derivation, even one that differs in a file alone', () => {
    expect(new Set([name(), name({args: []}), name({system: 'builtin'}), name({}, 'b')]).size).to.equal(4)
  })
})

describe('the kind of a derivation', () => {
  for (const [what, env, areFinal, kind] of [
    ['of which Nix knows the names', {}, true, 'named-before'],
    ['of which it does not', {}, false, 'named-after'],
    ['of a known hash, whatever its path', {NIX_OUTPUT_CHECKED: '1'}, false, 'fixed-output'],
  ] as const) {
    it(`is that of outputs ${what}: ${kind}`, () => {
      expect(kindOfDerivation({...JOB, env}, () => areFinal)).to.equal(kind)
    })
  }

  it('tells which system features are missing', () => {
    expect([
      missingFeatures({...JOB, env: {requiredSystemFeatures: 'kvm  big-parallel'}}, null, ['big-parallel']),
      missingFeatures(JOB, {requiredSystemFeatures: ['kvm']}, []), missingFeatures(JOB, null, []),
    ]).to.deep.equal([['kvm'], ['kvm'], []])
  })
})

describe('the engine', () => {
  for (const wanted of [undefined, '', 'auto', 'relocate']) {
    it(`is relocate for NIX_ENGINE=${String(wanted)}`, () => {
      expect(chooseEngine(PROBE, wanted)).to.equal('relocate')
    })
  }

  for (const [wanted, ptrace, message] of [
    ['proot', 'refused', 'NIX_ENGINE is "proot". This dyno refuses ptrace, without which PRoot cannot run.'],
    ['proot', 'permitted', 'NIX_ENGINE is "proot". The proot engine is not available in this version.'],
    ['bwrap', 'refused', 'NIX_ENGINE is "bwrap"; it can be auto, relocate or proot.'],
  ] as const) {
    it(`is refused for ${wanted} where ptrace is ${ptrace}`, () => {
      expect(() => chooseEngine({...PROBE, ptrace}, wanted)).to.throw(NixError, message)
    })
  }
})

describe('jobs and cores', () => {
  const gib = 2 ** 30
  for (const [what, dyno, fitting] of [
    ['a standard-1x dyno, whose host shows 8 processors', {processors: 8, memory: gib / 2, threads: 256}, {jobs: 1, cores: 1}],
    ['a performance-m dyno', {processors: 2, memory: 2.5 * gib, threads: 16_384}, {jobs: 2, cores: 2}],
    ['a performance-l dyno', {processors: 8, memory: 14 * gib, threads: 32_768}, {jobs: 8, cores: 2}],
    ['few threads', {processors: 8, memory: 14 * gib, threads: 128}, {jobs: 4, cores: 2}],
    ['hardly any threads', {processors: 8, memory: 14 * gib, threads: 50}, {jobs: 1, cores: 1}],
    ['no limit', {processors: 2, memory: 64 * gib, threads: null}, {jobs: 2, cores: 2}],
  ] as const) {
    it(`fit ${what}`, () => {
      expect(jobsAndCores(dyno)).to.deep.equal(fitting)
    })
  }
})

describe('limits', () => {
  it('are looked for in the own cgroup and those above it, of both versions', () => {
    expect([cgroupFiles('0::/a/b\n', 'memory', 'memory.max', 'x'), cgroupFiles('7:cpu,memory:/a\n3:pids:/p\n', 'memory', 'x', 'memory.limit_in_bytes')]).to.deep.equal([
      ['/sys/fs/cgroup/a/b/memory.max', '/sys/fs/cgroup/a/memory.max', '/sys/fs/cgroup/memory.max'],
      ['/sys/fs/cgroup/memory/a/memory.limit_in_bytes', '/sys/fs/cgroup/memory/memory.limit_in_bytes'],
    ])
  })

  it('are numbers, or none', () => {
    expect(['536870912\n', 'max\n', '9223372036854771712\n', ''].map(parseLimit)).to.deep.equal([536_870_912, null, null, null])
  })

  it('of processes are the soft ones', () => {
    expect([
      'Max processes             256                  512                  processes',
      'Max processes             unlimited            unlimited            processes', '',
    ].map(parseProcessLimit)).to.deep.equal([256, null, null])
  })
})

describe('nix.conf', () => {
  it('says what Nix needs without root or a sandbox, and the caller has the last word', () => {
    expect(renderNixConf({
      externalBuilder: {program: '/node', args: ['/dyno.cjs', 'external-builder']}, systems: ['x86_64-linux'],
      builder: {systemFeatures: ['big-parallel'], hashedMirrors: ['http://m/'], netrcFile: null, caFile: '/ca.crt'}, settings: {substituters: 'http://127.0.0.1:1', 'min-free': '1'},
    })).to.equal([
      'build-users-group = ', 'sandbox = false', 'filter-syscalls = false', 'build-hook = ', 'experimental-features = nix-command flakes external-builders',
      'external-builders = [{"systems":["x86_64-linux","builtin"],"program":"/node","args":["/dyno.cjs","external-builder"]}]', 'extra-platforms = ',
      'system-features = big-parallel', 'min-free = 1', 'fsync-metadata = false', 'ssl-cert-file = /ca.crt', 'hashed-mirrors = http://m/', 'substituters = http://127.0.0.1:1', '',
    ].join('\n'))
  })
})

describe('the systems that a dyno builds for', () => {
  it('are its own, and i686 where programs of 32 bits run, by an external builder whose uname says so', () => {
    const systems = systemsOf({programs32: 'permitted'})
    const conf = renderNixConf({
      externalBuilder: {program: '/node', args: ['/builder']}, systems, settings: {}, builder: {systemFeatures: [], hashedMirrors: [], netrcFile: null, caFile: null},
    })
    expect([systemsOf({programs32: 'refused'}), systemsOf({programs32: 'unknown'}), systems]).to.deep.equal([['x86_64-linux'], ['x86_64-linux'], ['x86_64-linux', 'i686-linux']])
    expect(conf.split('\n').filter(line => /^(ext)/.test(line))).to.deep.equal([
      'external-builders = [{"systems":["x86_64-linux","builtin"],"program":"/node","args":["/builder"]},{"systems":["i686-linux"],"program":"/usr/bin/setarch","args":["i686","--addr-no-randomize","/node","/builder"]}]',
      'extra-platforms = i686-linux',
    ])
  })
})

describe('what takes long', () => {
  it('says so every two seconds, and what is quick says nothing', () => {
    const lines: string[] = []
    let now = 1000
    const onProgress = sayNowAndThen('relocating', line => lines.push(line), () => now)
    for (; now <= 6500; now += 100) onProgress()
    expect(lines).to.deep.equal(['relocating for 2 s now', 'relocating for 4 s now'])
  })
})

describe("Nix's archive", () => {
  it('has one path of Nix itself', () => {
    expect(findNix([`${HASH}-nix-2.34.8`, `${HASH}-nix-2.34.8-man`, `${HASH}-libnix-1.0`])).to.deep.equal({
      version: '2.34.8', storePath: `/nix/store/${HASH}-nix-2.34.8`, programs: `/app/.nixs/${HASH}-nix-2.34.8/bin`,
    })
  })

  it('is refused without one', () => {
    expect(() => findNix([`${HASH}-zlib-1.3`])).to.throw(NixError, 'The Nix archive should hold one path named nix-VERSION and has 0.')
  })
})

describe("a profile's packages", () => {
  it('come by priority, then by path', () => {
    expect(parsePackages('true 5 2 /c /b false 1 1 /a')).to.deep.equal([
      {path: '/a', active: false, priority: 1}, {path: '/b', active: true, priority: 5}, {path: '/c', active: true, priority: 5},
    ])
  })

  it('are refused when some are missing', () => {
    expect(() => parsePackages('true 5 3 /a')).to.throw("attribute 'derivations' is not well formed: true 5 3 /a")
  })
})
