import {execFile, execFileSync} from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import {promisify} from 'node:util'
import {nixArchive} from '../../dyno/engine/support/installed.ts'

const run = promisify(execFile)

/** A Nix as anybody has it, with a store of its own. */
export interface StockNix {
  version: string
  /** folder of programs `nix` and `nix-store`: to be put into PATH */
  programs: string
  /** A fresh store; `settings` are lines of nix.conf. */
  store: (name: string, settings?: Readonly<Record<string, string>>) => StockStore
}

export interface StockStore {
  /** physical folder of `HASH-NAME` */
  folder: string
  /** what makes a Nix use it */
  env: Record<string, string>
  /** Runs `nix ARGS…` and gives its standard output; throws its standard error. */
  nix: (...args: string[]) => Promise<string>
}

/** The Nix of the toolbox, run by its own dynamic loader: it would look for that in /nix/store. Null where there is no archive. */
export function newNix(folder: string): StockNix | null {
  const archive = nixArchive()
  if (archive === null) return null
  fs.mkdirSync(`${folder}/unpacked`, {recursive: true})
  execFileSync('tar', ['--extract', '--xz', '--file', archive, '--directory', `${folder}/unpacked`, '--strip-components=1', '--wildcards', '*/store'])
  const find = (pattern: string) => fs.globSync(`${folder}/unpacked/store/*/${pattern}`)
  const [nix] = find('bin/nix')
  const [loader] = find('{lib,lib/*-linux-gnu}/ld-linux-x86-64.so.2')
  if (nix === undefined || loader === undefined) return null
  return stockNix(folder, name => `exec ${loader} --argv0 ${name} --library-path ${find('{lib,lib/*-linux-gnu}').join(':')} ${nix} "$@"`)
}

/** Debian's (package nix-bin), or what OLD_NIX names. Null where there is none. */
export function oldNix(folder: string): StockNix | null {
  const nix = process.env['OLD_NIX'] ?? '/usr/bin/nix'
  if (!fs.existsSync(nix)) return null
  return stockNix(folder, name => `exec ${path.dirname(nix)}/${name} "$@"`)
}

function stockNix(folder: string, command: (name: string) => string): StockNix {
  const programs = `${folder}/programs`
  fs.mkdirSync(programs, {recursive: true})
  for (const name of ['nix', 'nix-store']) fs.writeFileSync(`${programs}/${name}`, `#!/bin/sh\n${command(name)}\n`, {mode: 0o755})
  const version = execFileSync(`${programs}/nix`, ['--version']).toString().trim().split(' ').at(-1) ?? ''
  return {
    version, programs,
    store(name, settings = {}) {
      const root = `${folder}/${name}`
      fs.mkdirSync(`${root}/conf`, {recursive: true})
      const conf = {'build-users-group': '', 'experimental-features': 'nix-command', substituters: '', 'require-sigs': 'true', ...settings}
      fs.writeFileSync(`${root}/conf/nix.conf`, Object.entries(conf).map(([key, value]) => `${key} = ${value}\n`).join(''))
      const env = {PATH: `${programs}:${process.env['PATH'] ?? ''}`, HOME: root, NIX_CONF_DIR: `${root}/conf`, NIX_REMOTE: `local?root=${root}`, NIX_PATH: ''}
      return {
        env, folder: `${root}/nix/store`,
        nix: async (...args) => (await run(`${programs}/nix`, args, {env})).stdout,
      }
    },
  }
}
