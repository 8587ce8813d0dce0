import type {BuildJson} from './build-json.ts'

/** How a derivation's outputs get their names, which decides what is ours in their bytes and what stays in the view. */
export type DerivationKind = 'content-addressed' | 'fixed-output' | 'input-addressed'

/** `attributes`: the content of `.attrs.json` where there is one; a derivation with structured attributes has no others. */
export function kindOfDerivation({env}: BuildJson, attributes: Readonly<Record<string, unknown>> | null): DerivationKind {
  // Set by Nix itself for every fixed-output derivation, and for no other.
  if (env['NIX_OUTPUT_CHECKED'] === '1') return 'fixed-output'
  // `__contentAddressed` itself is not in the environment. Whoever says how to hash and not what to expect is content-addressed,
  // or could be: taking another for one costs a second derivation of its view, no more.
  const said = attributes ?? env
  return 'outputHashAlgo' in said && !('outputHash' in said) ? 'content-addressed' : 'input-addressed'
}

/** What `requiredSystemFeatures` names and the dyno lacks. Nix does not check them before it calls an external builder. */
export function missingFeatures(
  {env}: BuildJson, attributes: Readonly<Record<string, unknown>> | null, offered: readonly string[],
): string[] {
  const required = attributes ? attributes['requiredSystemFeatures'] : env['requiredSystemFeatures']
  const names = Array.isArray(required) ? required.map(String) : typeof required === 'string' ? required.split(/\s+/).filter(Boolean) : []
  return names.filter(name => !offered.includes(name))
}
