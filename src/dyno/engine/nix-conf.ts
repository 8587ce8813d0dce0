import type {BuilderSettings} from './settings.ts'
import {I686} from './systems.ts'

/** What nix.conf says. All but `externalBuilder` may be added to by `settings`, name to value, which win. */
export interface NixConf {
  /** absolute program and arguments that Nix starts for each derivation, build.json's path added */
  externalBuilder: {program: string; args: readonly string[]}
  systems: readonly string[]
  builder: BuilderSettings
  settings: Readonly<Record<string, string>>
}

/** The text of nix.conf with which Nix builds unprivileged, without a sandbox, by our external builder. */
export function renderNixConf({externalBuilder, systems, builder, settings}: NixConf): string {
  const lines: Record<string, string> = {
    'build-users-group': '',
    sandbox: 'false',
    'filter-syscalls': 'false',
    // Otherwise Nix starts `nix __build-remote` for every derivation.
    'build-hook': '',
    'experimental-features': 'nix-command flakes external-builders',
    'external-builders': JSON.stringify(externalBuilders(systems, externalBuilder)),
    // Otherwise Nix takes itself for able to build for i686 whatever the dyno can, and for x86-64's levels without us.
    'extra-platforms': systems.slice(1).join(' '),
    'system-features': builder.systemFeatures.join(' '),
    // Collecting garbage looks for run-time roots by their logical path and would miss programs that run from the view.
    'min-free': '0',
    // A dyno that dies takes its disk with it: nothing is gained by waiting for it.
    'fsync-metadata': 'false',
    ...(builder.netrcFile === null ? {} : {'netrc-file': builder.netrcFile}),
    ...(builder.caFile === null ? {} : {'ssl-cert-file': builder.caFile}),
    ...(builder.hashedMirrors.length === 0 ? {} : {'hashed-mirrors': builder.hashedMirrors.join(' ')}),
    ...settings,
  }
  return Object.entries(lines).map(([name, value]) => `${name} = ${value}\n`).join('')
}

function externalBuilders(systems: readonly string[], {program, args}: NixConf['externalBuilder']): object[] {
  const native = {systems: [...systems.filter(system => system !== I686), 'builtin'], program, args}
  return systems.includes(I686) ? [native, {systems: [I686], program: '/usr/bin/setarch', args: ['i686', '--addr-no-randomize', program, ...args]}] : [native]
}
