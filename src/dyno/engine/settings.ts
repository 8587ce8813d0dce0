import fs from 'node:fs'

/** What the external builder must know beyond build.json. A file, so that nix.conf's `external-builders` stays short. */
export interface BuilderSettings {
  /** system features that this dyno has, as in `requiredSystemFeatures` */
  systemFeatures: string[]
  /** of builtin:fetchurl, as in nix.conf */
  hashedMirrors: string[]
  netrcFile: string | null
  caFile: string | null
}

/** Reads what `installNix` wrote. `env` is Nix's own, whose NIX_SSL_CERT_FILE counts for its builtin builders, too. */
export function readBuilderSettings(file: string, env: NodeJS.ProcessEnv = {}): BuilderSettings {
  const value: unknown = JSON.parse(fs.readFileSync(file, 'utf8'))
  if (!isSettings(value)) throw new Error(`${file} does not hold the external builder's settings`)
  return {...value, caFile: env['NIX_SSL_CERT_FILE'] || value.caFile}
}

function isSettings(value: unknown): value is BuilderSettings {
  return typeof value === 'object' && value !== null && 'systemFeatures' in value && Array.isArray(value.systemFeatures)
    && 'hashedMirrors' in value && Array.isArray(value.hashedMirrors) && 'netrcFile' in value && 'caFile' in value
}
