import {basename} from 'node:path'
import {TO_VIEW, rewriteText} from '../../lib/view/rewriting.ts'
import type {BuildJson} from './build-json.ts'

/** What is executed: everything that a derivation says, in the view's words. */
export interface BuilderCommand {
  file: string
  /** the first is argv[0], the builder's base name, as Nix has it */
  argv: string[]
  env: Record<string, string>
}

/**
 * The builder's command with store paths relocated and `/build` where the folder really is. `/build` is replaced only as
 * the start of a whole value: within a value it may be any text (`mkdir ./build`).
 */
export function builderCommand({builder, args, env, tmpDirInSandbox}: BuildJson, folder: string): BuilderCommand {
  const inFolder = (value: string) =>
    value === tmpDirInSandbox || value.startsWith(`${tmpDirInSandbox}/`) ? folder + value.slice(tmpDirInSandbox.length) : value
  return {
    file: rewriteText(TO_VIEW, builder),
    argv: [basename(builder), ...args.map(arg => rewriteText(TO_VIEW, arg))],
    env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, rewriteText(TO_VIEW, inFolder(value))])),
  }
}
