import type {Trees} from '../../lib/view/view.ts'

/** Where the engine keeps things on a dyno. Fixed: the view's place is in the bytes of every program. */
export const LAYOUT = {
  /** the relocated view, the only tree that a slug carries */
  view: '/app/.nixs',
  /** all that Nix itself needs: the canonical store, database, logs, settings */
  root: '/app/.nix',
  canonical: '/app/.nix/store',
  state: '/app/.nix/state',
  log: '/app/.nix/log',
  etc: '/app/.nix/etc',
  home: '/app/.nix/home',
  /** build folders, whose names end up in outputs now and then: short */
  builds: '/app/.nix/b',
  /** what outputs hold of the view's paths, a file for each such output */
  tainted: '/app/.nix/tainted',
  database: '/app/.nix/state/db/db.sqlite',
  /** the nix-build's out-link */
  result: '/app/result',
} as const

export const TREES: Trees = {canonical: LAYOUT.canonical, view: LAYOUT.view}
