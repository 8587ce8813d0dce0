import fs from 'node:fs'
import path from 'node:path'
import {settingsInFlags, wordsOf} from '../../lib/nix/flag-settings.ts'

/** What the external builder must know beyond build.json. A file, so that nix.conf's `external-builders` stays short. */
export interface BuilderSettings {
  /** system features that this dyno has, as in `requiredSystemFeatures` */
  systemFeatures: string[]
  /** of builtin:fetchurl, as in nix.conf */
  hashedMirrors: string[]
  netrcFile: string | null
  caFile: string | null
}

/**
 * The settings with what nix-build's flags say of them: Nix tells its own builtin builders, but no external one.
 * @param flags split into words
 * @param folder absolute; the one that nix-build is started in
 */
export function withFlags(settings: BuilderSettings, flags: readonly string[], folder: string): BuilderSettings {
  const file = (value: string) => value === '' ? null : path.resolve(folder, value)
  let changed = settings
  for (const {name, value, adds} of settingsInFlags(flags, ['hashed-mirrors', 'netrc-file', 'ssl-cert-file'])) {
    if (name === 'hashed-mirrors') changed = {...changed, hashedMirrors: [...(adds ? changed.hashedMirrors : []), ...wordsOf(value)]}
    else if (name === 'netrc-file') changed = {...changed, netrcFile: file(value)}
    else changed = {...changed, caFile: file(value)}
  }

  return changed
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
