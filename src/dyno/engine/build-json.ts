import {STORE_DIR} from '../../lib/nix/store-path.ts'

/** What Nix hands to an external builder, version 1 (nix: src/libstore/unix/build/external-derivation-builder.cc). Paths are logical. */
export interface BuildJson {
  builder: string
  args: string[]
  env: Record<string, string>
  /** the whole closure of the inputs */
  inputPaths: string[]
  /** output name to the path to be written, which is not the final one for `--check` and content-addressed outputs */
  outputs: Record<string, string>
  realStoreDir: string
  /** of the derivation: `x86_64-linux`, `builtin` */
  system: string
  /** where the builder's files are, `…/nix-PID-RANDOM/build` */
  tmpDir: string
  topTmpDir: string
  /** how the environment calls `tmpDir`: `/build` */
  tmpDirInSandbox: string
}

/** Parses build.json's text; throws when it is of another version or shape. */
export function parseBuildJson(text: string): BuildJson {
  const json: unknown = JSON.parse(text)
  if (!isRecord(json)) throw new Error('build.json is not an object')
  if (json['version'] !== 1) throw new Error(`build.json has version ${JSON.stringify(json['version'])}, not 1: this Nix is newer than the external builder`)
  const string = (name: string) => checked(json, name, isString)
  if (string('storeDir') !== STORE_DIR) throw new Error(`build.json is of the store ${string('storeDir')}, not ${STORE_DIR}`)
  return {
    builder: string('builder'),
    args: checked(json, 'args', isStrings),
    env: checked(json, 'env', isStringRecord),
    inputPaths: checked(json, 'inputPaths', isStrings),
    outputs: checked(json, 'outputs', isStringRecord),
    realStoreDir: string('realStoreDir'),
    system: string('system'),
    tmpDir: string('tmpDir'),
    topTmpDir: string('topTmpDir'),
    tmpDirInSandbox: string('tmpDirInSandbox'),
  }
}

function checked<T>(json: Record<string, unknown>, name: string, is: (value: unknown) => value is T): T {
  const value = json[name]
  if (!is(value)) throw new Error(`build.json has no good ${name}: ${JSON.stringify(value ?? null)}`)
  return value
}

function isString(value: unknown): value is string {
  return typeof value === 'string'
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isString)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every(isString)
}
