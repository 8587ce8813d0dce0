import {expect} from 'chai'
import {spawn} from 'node:child_process'
import {createHash} from 'node:crypto'
import {once} from 'node:events'
import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {buffer} from 'node:stream/consumers'
import {keys} from '../../../src/lib/bucket/keys.ts'
import {dynoCommand, dynoRequest, releaseRequest} from '../../../src/lib/build/dyno-command.ts'
import {serve, type Served} from '../bucket/served.ts'

const ID = '20261123-093000-ab12'

describe('dynoCommand', () => {
  it('is one line below 1 kB that differs by the build\'s id alone', () => {
    const command = dynoCommand('build', ID)
    expect(Buffer.byteLength(command)).to.be.below(1000)
    expect(command).to.match(/^[\x20-\x7E]+$/)
    expect(dynoCommand('build', '20261124-093000-zz99')).to.equal(command.replace(ID, '20261124-093000-zz99'))
  })

  it('takes nothing for an id that a shell would take apart', () => {
    expect(() => dynoCommand('build', `${ID};rm`)).to.throw(TypeError)
  })
})

describe('dynoRequest', () => {
  const SOURCE = {NIX_SOURCE_SHA256: 'b'.repeat(64), NIX_SOURCE_TREE: '7'.repeat(40), NIX_SOURCE_COMMIT: '8'.repeat(40)}
  const options = {build: ID, toolbox: 'a'.repeat(64), source: {tree: '7'.repeat(40), commit: '8'.repeat(40), sha256: 'b'.repeat(64)}, size: null, timeToLive: 3600, presigned: null}

  it('asks for a detached dyno and tells it what must not come from the bucket', () => {
    expect(dynoRequest(options)).to.deep.equal({
      attach: false, command: dynoCommand('build', ID), time_to_live: 3600,
      env: {NIX_TOOLBOX: 'a'.repeat(64), ...SOURCE},
    })
  })

  it('names a size only where one is asked for, and URLs only where curl cannot sign', () => {
    const presigned = {loader: 'https://l', program: 'https://p', node: 'https://n', lock: 'https://k'}
    const request = dynoRequest({...options, size: 'performance-l', presigned})
    expect(request.size).to.equal('performance-l')
    expect(request.env).to.include({NIX_LOADER_URL: 'https://l', NIX_PROGRAM_URL: 'https://p', NIX_NODE_URL: 'https://n', NIX_LOCK_URL: 'https://k'})
    expect(request.command).not.to.include('https://l')
  })

  it('tells a dyno that uploads a slug where to, in its environment alone', () => {
    const order = '20261123-100000-zz99'
    const request = releaseRequest({...options, order, layerDigest: 'e'.repeat(64), layerSha256: 'c'.repeat(64), slugUrl: 'https://slug?Signature=s'})
    expect(request).to.deep.equal({
      attach: false, command: dynoCommand('release', order), time_to_live: 3600,
      env: {NIX_TOOLBOX: 'a'.repeat(64), ...SOURCE, NIX_ORDER_BUILD: ID, NIX_LAYER_DIGEST: 'e'.repeat(64), NIX_SLUG_URL: 'https://slug?Signature=s', NIX_LAYER_SHA256: 'c'.repeat(64)},
    })
    expect(Buffer.byteLength(request.command)).to.be.below(1000)
  })
})

// What a current slug's .profile.d may leave behind in the shell that reads the command.
const HOSTILE: readonly [what: string, profile: string][] = [
  ['nothing', ''],
  ['functions in place of programs and builtins', [
    'curl', 'sha256sum', 'exec', 'eval', 'trap', 'set', 'export', 'unset', 'read', 'printf', 'cd', 'umask', 'echo', 'env', 'bash', 'command', 'builtin',
  ].map(name => `function ${name} { /bin/echo "hijacked ${name}"; }; export -f ${name}`).join('\n')],
  ['a function that has a path for a name', 'function /bin/bash { echo hijacked; }; function /usr/bin/env { echo hijacked; }'],
  ['aliases', 'shopt -s expand_aliases; alias exec="echo hijacked" set="echo hijacked" trap="echo hijacked" POSIXLY_CORRECT=x 2>/dev/null'],
  ['LD_PRELOAD and LD_LIBRARY_PATH', 'export LD_PRELOAD=/nowhere/libhijacked.so LD_LIBRARY_PATH=/nowhere'],
  ['LD_PRELOAD that cannot be unset', 'declare -rx LD_PRELOAD=/nowhere/libhijacked.so'],
  ['another PATH', 'export PATH=/nowhere'],
  ['BASH_ENV', 'export BASH_ENV=/nowhere/hijacked'],
  ['set -e, -u, -f, -x and pipefail', 'false || true; set -eufo pipefail; exec 2>/dev/null; set -x; exec 2>&1'],
  ['traps', `trap '' TERM INT HUP; trap 'echo hijacked' EXIT DEBUG ERR`],
  ['another IFS', `IFS='/_=N'`],
  ['a read-only IFS', `IFS='/_=N'; readonly IFS`],
  ['another directory and umask', 'cd /tmp; umask 077'],
  ['a .curlrc', 'export HOME=/tmp/hijacked CURL_HOME=/tmp/hijacked http_proxy=http://127.0.0.1:1'],
  ['nullglob, failglob and extdebug', 'shopt -s nullglob failglob extdebug'],
  ['a name like ours', 'export NIX_EXTRA="it\'s\n$(echo hijacked) \\"quoted\\"" _e=hijacked _n=hijacked'],
]

// Stands in for the loader: says how it was started.
const LOADER = String.raw`
printf 'arguments %s\n' "$*"
printf 'umask %s\n' "$(umask)"
printf 'ignored %s\n' "$(sed -n 's/^SigIgn:[[:space:]]*//p' /proc/$$/status)"
printf 'flagged %q\n' "$NIX_BUILD_FLAGS"
printf 'secret %s\n' "$NIX_S3_SECRET"
printf 'environ %s\n' "$(tr '\0' ' ' </proc/$$/environ)"
printf 'child %s\n' "$(env | grep -c NIX_)"
printf 'cmdline %s\n' "$(tr '\0' ' ' </proc/$$/cmdline)"
exit 7
`

describe('the dyno\'s command', function () {
  this.timeout(60_000)
  let served: Served
  before(async () => {
    served = await serve()
  })
  after(() => served.close())

  async function run(profile: string, {loader = LOADER, digest = sha256(loader), env = {}}: {loader?: string; digest?: string; env?: Record<string, string>} = {}) {
    await served.bucket.put(keys.toolbox(digest, 'loader.sh'), Buffer.from(loader))
    const file = join(served.dir, 'profile.sh')
    await writeFile(file, profile)
    const {key, secret, bucket, region, endpoint} = served.config
    const child = spawn('bash', ['-c', dynoCommand('build', ID)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: '/usr/bin:/bin', HOME: served.dir, BASH_ENV: file, DYNO: 'run.1', DATABASE_URL: 'postgres://other-secret',
        NIX_S3_KEY: key, NIX_S3_SECRET: secret, NIX_S3_BUCKET: bucket, NIX_S3_REGION: region, NIX_S3_ENDPOINT: endpoint ?? '',
        NIX_BUILD_FLAGS: '-A \'a b\'\n--argstr x "$y" \\', NIX_TOOLBOX: digest, ...env,
      },
    })
    const [output, errors, [status]] = await Promise.all([buffer(child.stdout), buffer(child.stderr), once(child, 'exit') as Promise<[number | null]>])
    // A machine that runs tests has no /app.
    return {output: output.toString(), errors: errors.toString().replace('nix: line 1: cd: /app: No such file or directory\n', ''), status}
  }

  for (const [what, profile] of HOSTILE) {
    it(`runs the loader in a clean shell after a .profile.d with ${what}`, async () => {
      const {output, errors, status} = await run(profile)
      const lines: Partial<Record<string, string>> = Object.fromEntries(output.trimEnd().split('\n').map(line => [line.split(' ', 1)[0] ?? '', line.slice(line.indexOf(' ') + 1)]))
      expect(output).not.to.include('hijacked curl')
      expect(errors).not.to.include('preloaded').and.not.to.include(served.config.secret)
      expect({status, ...lines}).to.include({
        status: 7,
        arguments: `build ${ID}`,
        umask: '0022',
        flagged: String.raw`$'-A \'a b\'\n--argstr x "$y" \\'`,
        secret: served.config.secret,
        child: '0',
      })
      // Bash itself ignores SIGQUIT. HUP is 1, INT 2, TERM 15.
      expect(BigInt(`0x${lines['ignored'] ?? ''}`) & 0x4003n, 'ignored signals').to.equal(0n)
      expect(lines['environ']?.trim()).to.equal('')
      expect(lines['cmdline']).not.to.include(served.config.secret).and.not.to.include(served.config.key)
    })
  }

  it('runs no loader of another digest', async () => {
    const {output, errors, status} = await run('', {loader: 'echo evil\n', digest: 'a'.repeat(64)})
    expect({output, errors, status}).to.deep.equal({
      output: '', errors: ` !     The toolbox ${'a'.repeat(64)} could not be fetched whole. Run: heroku nix:setup\n`, status: 70,
    })
  })

  it('says so when the bucket refuses, without the secret', async () => {
    const {output, errors, status} = await run('', {env: {NIX_S3_SECRET: 'a-wrong-secret'}})
    expect(output).to.equal('')
    expect(status).to.equal(70)
    expect(errors).to.include('403').and.to.include('heroku nix:setup').and.not.to.include('a-wrong-secret')
  })

  it('takes the loader from a presigned URL where there is one', async () => {
    const url = await served.bucket.presign('GET', keys.toolbox(sha256(LOADER), 'loader.sh'), {expiresIn: 60})
    const {output, status} = await run('', {env: {NIX_LOADER_URL: url, NIX_S3_SECRET: 'unused-secret'}})
    expect(status).to.equal(7)
    expect(output).to.include(`arguments build ${ID}`)
  })

  it('asks again after a 503', async () => {
    served.faults.inject({path: /loader\.sh/, effect: {kind: 'status', status: 503}})
    expect((await run('')).status).to.equal(7)
  })
})

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
