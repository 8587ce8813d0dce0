import fs from 'node:fs'
import path from 'node:path'
import {prepareExample} from '../../test/dyno/engine/support/example.ts'
import {installInJail, nixArchive, type EngineJail} from '../../test/dyno/engine/support/installed.ts'
import {CannotMeasure, type BenchContext} from '../bench.ts'

/** The demo app, built relocated in a dyno-like jail whose folder stays for the benchmark's length. */
export interface BuiltExample extends AsyncDisposable {
  jail: EngineJail
  /** `HASH-NAME` of the result */
  result: string
  /** the project's folder on the host */
  project: string
}

/** A jail with Nix in it, or the reason why there is none. */
export async function installForBench(): Promise<EngineJail> {
  const archive = nixArchive()
  if (archive === null) throw new CannotMeasure('There is no Nix archive in .cache/. Try: bin/setup --bench')
  return installInJail(archive)
}

/** The same, with a project at /app/source. */
export async function installWithProject(project: string): Promise<EngineJail> {
  const jail = await installForBench()
  fs.cpSync(project, `${jail.app}/source`, {recursive: true})
  return jail
}

export async function buildExample({scratch, say}: BenchContext): Promise<BuiltExample> {
  const project = prepareExample(scratch)
  const jail = await installWithProject(project)
  say('building the demo app in the jail')
  const {status, stdout, stderr} = await jail.nix('nix-build', ['/app/source', '--no-out-link', '-j2'])
  if (status !== 0) throw new CannotMeasure(`The demo app does not build: ${stderr.slice(-1000)}`)
  return {jail, result: path.basename(stdout.trim()), project, [Symbol.asyncDispose]: () => jail[Symbol.asyncDispose]()}
}
