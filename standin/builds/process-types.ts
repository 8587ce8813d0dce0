import {parse} from 'yaml'
import {BuildFailure, detail, step} from './failure.ts'

export type ProcessTypes = Record<string, string>

/** https://devcenter.heroku.com/articles/procfile#procfile-format; lines of another form are passed over. */
export function parseProcfile(text: string): ProcessTypes {
  return Object.fromEntries([...text.matchAll(/^([\w-]{1,128}):[ \t]*(\S.*?)[ \t\r]*$/gm)].map(([, type = '', command = '']) => [type, command]))
}

/**
 * `default_process_types` of what bin/release printed.
 *
 * @throws BuildFailure for what is not YAML, or no map of commands
 */
export function parseRelease(text: string, app: string): ProcessTypes {
  let release: unknown
  try {
    release = parse(text)
  } catch (error) {
    throw new BuildFailure(`Push rejected, bin/release of the ${app} buildpack printed no YAML: ${firstLine(error)}`, '', 'Push failed')
  }

  const types = isMap(release) ? release['default_process_types'] ?? {} : {}
  const bad = !isMap(types) || Object.values(types).some(command => typeof command !== 'string')
  if (bad) throw new BuildFailure(`Push rejected, default_process_types of the ${app} buildpack is no map of commands.`, '', 'Push failed')
  return types as ProcessTypes
}

/** What the slug runs, and the lines that tell it: a type of the Procfile hides a default of the same name. */
export function chooseProcessTypes(procfile: ProcessTypes, defaults: ProcessTypes): {processTypes: ProcessTypes; output: string} {
  const added = Object.keys(defaults).filter(type => !Object.hasOwn(procfile, type))
  const list = (types: readonly string[]) => types.toSorted().join(', ') || '(none)'
  const declared = list(Object.keys(procfile))
  return {
    processTypes: {...defaults, ...procfile},
    output: step('Discovering process types') + (added.length === 0
      ? detail(`Procfile declares types -> ${declared}`)
      : detail(`Procfile declares types     -> ${declared}\nDefault types for buildpack -> ${list(added)}`)),
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function firstLine(error: unknown): string {
  return (error as Error).message.split('\n', 1)[0] ?? ''
}
