import type {BuilderCommand} from '../builder-environment.ts'
import type {BuilderSettings} from '../settings.ts'

/** What a builtin builder works with: paths are the view's. */
export interface BuiltinContext {
  env: BuilderCommand['env']
  /** where `out` is to be made */
  out: string
  /** the build's folder, for temporary files */
  folder: string
  settings: BuilderSettings
  /** writes a line to the build's log */
  log: (line: string) => void
}

/** A builtin's failure that the derivation's author can act on: printed without a stack. */
export class BuiltinError extends Error {}

/** An attribute of the derivation; throws when it is missing. */
export function attribute({env}: BuiltinContext, name: string): string {
  const value = env[name]
  if (value === undefined) throw new BuiltinError(`attribute '${name}' missing`)
  return value
}
