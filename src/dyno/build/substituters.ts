/**
 * The nix.conf settings that say where finished paths come from: Nix's own upstream cache. A dyno without network
 * must find that out in seconds and build everything itself.
 */
export function substituterSettings(): Record<string, string> {
  return {
    substituters: 'https://cache.nixos.org',
    'trusted-public-keys': 'cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=',
    fallback: 'true',
    'connect-timeout': '5',
    'download-attempts': '2',
    'stalled-download-timeout': '30',
  }
}
