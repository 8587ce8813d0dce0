import type {BuildJson} from './build-json.ts'

/** How a derivation's outputs get their names, which decides what is ours in their bytes and what stays in the view. */
export type DerivationKind = 'fixed-output' | 'named-before' | 'named-after'

/**
 * @param areFinal whether the paths that the outputs are written to are those that they will have. They are not where Nix finds
 * the names by what was built (content-addressed, impure), or compares with what there is (`--check`); build.json does not tell.
 */
export function kindOfDerivation({env}: BuildJson, areFinal: () => boolean): DerivationKind {
  // Set by Nix itself for every fixed-output derivation, and for no other.
  if (env['NIX_OUTPUT_CHECKED'] === '1') return 'fixed-output'
  return areFinal() ? 'named-before' : 'named-after'
}

/** What `requiredSystemFeatures` names and the dyno lacks. Nix does not check them before it calls an external builder. */
export function missingFeatures(
  {env}: BuildJson, attributes: Readonly<Record<string, unknown>> | null, offered: readonly string[],
): string[] {
  const required = attributes ? attributes['requiredSystemFeatures'] : env['requiredSystemFeatures']
  const names = Array.isArray(required) ? required.map(String) : typeof required === 'string' ? required.split(/\s+/).filter(Boolean) : []
  return names.filter(name => !offered.includes(name))
}
