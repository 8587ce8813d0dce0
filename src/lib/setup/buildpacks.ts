/** The old project's names, 2016 and before; what it does no longer works on Heroku. */
const OLD = /(?:nix-heroku-buildpack|heroku-buildpack-nix(?:-proot)?)(?:\.git)?(?:\/?(?:#.*)?)$/i

export type BuildpackChange =
  | {kind: 'none'}
  | {kind: 'add'; buildpacks: string[]; adds: string}
  | {kind: 'replace'; buildpacks: string[]; adds: string; removes: string}
  | {kind: 'remove'; buildpacks: string[]; removes: string}

/**
 * Puts our buildpack into the app's list: in the place of the old project's or of an older version of ours, else at
 * the end. Others stay where they are; the old project's goes. A version of ours that is newer, at a mirror, or pinned to anything
 * else, stays, unless another was asked for.
 * @param own Git URL with `#vX.Y.Z`
 * @param asked what was asked for in its place
 */
export function planBuildpacks(current: readonly string[], own: string, asked: string | null = null): BuildpackChange {
  const ours = asked ?? own
  const mine = current.find(url => isOurs(url, own) || repository(url) === repository(ours))
  const old = current.find(url => OLD.test(url))
  const replace = (removes: string): BuildpackChange =>
    ({kind: 'replace', buildpacks: current.map(url => (url === removes ? ours : url)), adds: ours, removes})
  if (mine !== undefined && mine !== ours && (asked !== null || isOlder(mine, ours))) return replace(mine)
  if (mine !== undefined) return old === undefined ? {kind: 'none'} : {kind: 'remove', buildpacks: current.filter(url => url !== old), removes: old}
  return old === undefined ? {kind: 'add', buildpacks: [...current, ours], adds: ours} : replace(old)
}

/** Buildpacks that are not this project's, of any version and at any mirror. */
export function otherBuildpacks(current: readonly string[], ours: string): string[] {
  return current.filter(url => !isOurs(url, ours))
}

/** A mirror, or somebody's fork, has the repository's name. */
function isOurs(url: string, ours: string): boolean {
  const name = (text: string) => repository(text).replace(/^.*[/:]/, '')
  return name(url) === name(ours)
}

export function isOldProject(buildpack: string): boolean {
  return OLD.test(buildpack)
}

function repository(url: string): string {
  return url.replace(/#.*$/, '').replace(/\/$/, '').replace(/\.git$/, '').toLowerCase()
}

/** True as well when it names no version: what a branch holds changes without anybody deciding it. */
function isOlder(mine: string, ours: string): boolean {
  if (repository(mine) !== repository(ours)) return false
  const [old, current] = [versionOf(mine), versionOf(ours)]
  if (!mine.includes('#')) return true
  if (old === null || current === null) return false
  const at = old.findIndex((part, index) => part !== current[index])
  return at !== -1 && (old[at] ?? 0) < (current[at] ?? 0)
}

function versionOf(url: string): number[] | null {
  const match = /#v(\d+)\.(\d+)\.(\d+)$/.exec(url)
  return match && match.slice(1).map(Number)
}
