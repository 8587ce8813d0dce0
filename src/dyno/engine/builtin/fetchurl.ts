import fs, {createReadStream} from 'node:fs'
import {unpackNar} from '../../../lib/nix/nar.ts'
import {setTimeout as delay} from 'node:timers/promises'
import {parseNixHash} from '../../../lib/nix/hash.ts'
import {attribute, type BuiltinContext} from './context.ts'
import {ProgramFailed, imageEnvironment, runProgram} from './run-program.ts'

/** What may be otherwise in a moment: connecting, a broken transfer, an empty answer (curl(1), exit codes). */
const TRANSIENT = new Set([5, 6, 7, 16, 18, 28, 35, 52, 55, 56, 92])
const ATTEMPTS = 5
const FIRST_WAIT_MS = 250

/**
 * builtin:fetchurl (nix: src/libstore/builtins/fetchurl.cc): `url` to `out`, its hash checked by Nix; `executable` makes it so,
 * `unpack` takes it for a NAR, by xz where the URL ends so. Hashed mirrors are asked first for flat hashes.
 */
export async function fetchurl(context: BuiltinContext): Promise<void> {
  const url = attribute(context, 'url')
  const unpack = context.env['unpack'] === '1'
  const file = unpack ? `${context.folder}/download` : context.out
  await download(context, [...mirrored(context), url], file)
  if (unpack) {
    if (url.endsWith('.xz')) {
      fs.renameSync(file, `${file}.xz`)
      await runProgram('xz', ['--decompress', `${file}.xz`], {env: imageEnvironment({})})
    }

    await unpackNar(createReadStream(file), context.out)
  }

  if (context.env['executable'] === '1') fs.chmodSync(context.out, 0o755)
}

function mirrored({env, settings}: BuiltinContext): string[] {
  const {outputHash, outputHashAlgo, outputHashMode} = env
  // A recursive hash is of a NAR, which mirrors do not serve.
  if (!outputHash || settings.hashedMirrors.length === 0 || (outputHashMode !== undefined && outputHashMode !== 'flat')) return []
  const {algorithm, bytes} = parseNixHash(outputHash, outputHashAlgo)
  return settings.hashedMirrors.map(mirror => `${mirror.replace(/\/?$/, '/')}${algorithm}/${bytes.toString('hex')}`)
}

async function download(context: BuiltinContext, urls: readonly string[], file: string): Promise<void> {
  for (const [n, url] of urls.entries()) {
    try {
      await downloadPatiently(context, url, file)
      return
    } catch (error) {
      fs.rmSync(file, {force: true})
      if (n === urls.length - 1) throw error
      context.log(`not at ${new URL(url).host}, trying the next`)
    }
  }
}

/** curl itself tries again after HTTP 408, 429 and 5xx alone. */
async function downloadPatiently(context: BuiltinContext, url: string, file: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await runProgram('curl', ['--config', '-'], {env: imageEnvironment(context.env), input: curlConfig(context, url, file)})
      return
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof ProgramFailed) || !TRANSIENT.has(error.status ?? 0)) throw error
      fs.rmSync(file, {force: true})
      await delay(FIRST_WAIT_MS * 2 ** (attempt - 1))
    }
  }
}

/** On standard input, not as arguments: a URL may hold a password, and arguments are everybody's to read. */
function curlConfig({settings}: BuiltinContext, url: string, file: string): string {
  const options = [
    ['url', url], ['output', file], ['proto', '=http,https,file,ftp'], ['proto-redir', '=http,https,ftp'], ['retry', '4'], ['connect-timeout', '30'],
    ...(settings.caFile === null ? [] : [['cacert', settings.caFile]]),
    ...(settings.netrcFile === null ? [] : [['netrc-file', settings.netrcFile]]),
  ]
  const flags = ['fail', 'location', 'silent', 'show-error', 'globoff', ...(settings.netrcFile === null ? [] : ['netrc-optional'])]
  return [...flags, ...options.map(([name, value]) => `${String(name)} = "${escaped(String(value))}"`)].join('\n')
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', String.raw`\"`).replaceAll('\n', String.raw`\n`)
}
