import fs from 'node:fs'
import {isOneOf} from '../../../lib/view/derive-file.ts'
import {BuiltinError, attribute, type BuiltinContext} from './context.ts'

interface Package {
  path: string
  active: boolean
  priority: number
}

/** Left out of profiles: useless there, or in every package (nix: src/libstore/builtins/buildenv.cc). */
const LEFT_OUT = ['/propagated-build-inputs', '/nix-support', '/perllocal.pod', '/info/dir', '/log', '/manifest.nix', '/manifest.json']

/** Packages that others propagate come after all that were asked for. */
const PROPAGATED_PRIORITY = 1000

/** builtin:buildenv: one tree of symlinks to the files of all packages in `derivations`, the lower number first where two collide. */
export function buildenv(context: BuiltinContext): void {
  const {out, log} = context
  const packages = parsePackages(attribute(context, 'derivations'))
  const manifest = attribute(context, 'manifest')
  fs.mkdirSync(out, {recursive: true})
  const priorities = new Map<string, number>()
  const done = new Set<string>()
  let postponed = new Set<string>()
  const add = (path: string, priority: number) => {
    if (done.has(path)) return
    done.add(path)
    link(path, out, priority, priorities, log)
    for (const other of propagated(path)) if (!done.has(other)) postponed.add(other)
  }

  for (const {path, active, priority} of packages) if (active) add(path, priority)
  for (let priority = PROPAGATED_PRIORITY; postponed.size > 0;) {
    const paths = [...postponed].sort()
    postponed = new Set()
    for (const path of paths) add(path, priority++)
  }

  fs.symlinkSync(manifest, `${out}/manifest.nix`)
}

/** `active priority count path…`, repeated; sorted as they are to be linked. */
export function parsePackages(derivations: string): Package[] {
  const words = derivations.split(/\s+/).filter(Boolean)
  const packages: Package[] = []
  for (let at = 0; at < words.length;) {
    const [active, priority, count] = words.slice(at, at + 3)
    const paths = words.slice(at + 3, at + 3 + Number(count))
    if (paths.length !== Number(count) || !Number.isInteger(Number(priority))) throw new BuiltinError(`attribute 'derivations' is not well formed: ${derivations}`)
    packages.push(...paths.map(path => ({path, active: active !== 'false', priority: Number(priority)})))
    at += 3 + paths.length
  }

  return packages.sort((a, b) => a.priority - b.priority || (a.path < b.path ? -1 : 1))
}

function propagated(path: string): string[] {
  try {
    return fs.readFileSync(`${path}/nix-support/propagated-user-env-packages`, 'utf8').split(/[ \n]+/).filter(Boolean)
  } catch (error) {
    if (isOneOf(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}

function link(from: string, to: string, priority: number, priorities: Map<string, number>, log: (line: string) => void): void {
  if (!fs.statSync(from).isDirectory()) {
    log(`not including '${from}' in the user environment because it's not a directory`)
    return
  }

  for (const name of fs.readdirSync(from).sort()) {
    if (name.startsWith('.')) continue
    const source = `${from}/${name}`
    const target = `${to}/${name}`
    const stats = fs.statSync(source, {throwIfNoEntry: false})
    if (!stats) log(`skipping dangling symlink '${target}'`)
    else if (LEFT_OUT.some(end => source.endsWith(end))) continue
    else if (stats.isDirectory()) linkFolder(source, target, priority, priorities, log)
    else linkFile(source, target, priority, priorities)
  }
}

function linkFolder(source: string, target: string, priority: number, priorities: Map<string, number>, log: (line: string) => void): void {
  const there = fs.lstatSync(target, {throwIfNoEntry: false})
  if (!there) {
    fs.symlinkSync(source, target)
    priorities.set(target, priority)
    return
  }

  if (there.isSymbolicLink()) {
    // One package had this folder to itself so far: from now on it is shared.
    const other = fs.realpathSync(target)
    if (!fs.statSync(other).isDirectory()) throw new BuiltinError(`collision between '${source}' and non-directory '${other}'`)
    fs.unlinkSync(target)
    fs.mkdirSync(target, 0o755)
    link(other, target, priorities.get(target) ?? 0, priorities, log)
  }

  link(source, target, priority, priorities, log)
}

function linkFile(source: string, target: string, priority: number, priorities: Map<string, number>): void {
  const there = fs.lstatSync(target, {throwIfNoEntry: false})
  if (there?.isDirectory()) throw new BuiltinError(`collision between non-directory '${source}' and directory '${target}'`)
  if (there) {
    const before = priorities.get(target) ?? 0
    if (before === priority) {
      throw new BuiltinError(`files '${source}' and '${fs.readlinkSync(target)}' have the same priority ${priority}; change the priority of one of them`)
    }

    if (before < priority) return
    fs.unlinkSync(target)
  }

  fs.symlinkSync(source, target)
  priorities.set(target, priority)
}
