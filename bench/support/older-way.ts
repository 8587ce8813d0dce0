import {spawn} from 'node:child_process'
import {once} from 'node:events'
import fs from 'node:fs'
import type {BucketConfig} from '../../src/lib/config-vars.ts'
import type {NativeNix} from './native-nix.ts'

/** Exports paths into one file, as the buildpack of 2016 did after every build. */
export async function exportPaths(native: NativeNix, paths: readonly string[], file: string): Promise<void> {
  const target = fs.openSync(file, 'w')
  try {
    await succeeds(native.command('nix-store', ['--export', ...paths]), {output: target})
  } finally {
    fs.closeSync(target)
  }
}

/** Imports what was exported, into a store that lacks it. */
export async function importPaths(native: NativeNix, file: string): Promise<void> {
  const source = fs.openSync(file, 'r')
  try {
    await succeeds(native.command('nix-store', ['--import']), {input: source})
  } finally {
    fs.closeSync(source)
  }
}

export async function upload(config: BucketConfig, file: string, key: string): Promise<void> {
  await curl(config, key, ['--upload-file', file])
}

export async function download(config: BucketConfig, key: string, file: string): Promise<void> {
  await curl(config, key, ['--output', file])
}

async function curl(config: BucketConfig, key: string, more: readonly string[]): Promise<void> {
  const {args, text} = curlConfig(config, key)
  await succeeds([...args, ...more], {text})
}

/** A command line that fetches an object, and what goes to its standard input: credentials on a command line are for all to see. */
export function curlConfig({endpoint, region, bucket, key: access, secret}: BucketConfig, key: string): {args: [string, ...string[]]; text: string} {
  const signing = ['--aws-sigv4', `aws:amz:${region}:s3`, '--header', 'x-amz-content-sha256: UNSIGNED-PAYLOAD', '--config', '-']
  return {args: ['curl', '--silent', '--show-error', '--fail', ...signing, `${endpoint ?? ''}/${bucket}/${key}`], text: `user = "${access}:${secret}"\n`}
}

/** Runs a command to its end. Throws when it fails. */
export async function succeeds([file, ...args]: readonly [string, ...string[]], {input, output, text}: {input?: number; output?: number; text?: string} = {}): Promise<void> {
  const child = spawn(file, args, {stdio: [text === undefined ? input ?? 'ignore' : 'pipe', output ?? 'ignore', 'pipe']})
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    errors = (errors + piece).slice(-2000)
  })
  child.stdin?.end(text)
  const [status] = await once(child, 'close') as [number | null]
  if (status !== 0) throw new Error(`${file} ended with ${String(status)}: ${errors}`)
}
