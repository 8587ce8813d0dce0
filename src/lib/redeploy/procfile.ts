import {EXIT, NixError} from '../errors.ts'

/** https://devcenter.heroku.com/articles/procfile: one process type a line, what is no such line is passed over. */
const LINE = /^([A-Za-z0-9_-]+):\s*(.+)$/

/** @returns command by process type; the last of two lines for one type counts */
export function parseProcfile(text: string): Record<string, string> {
  return Object.fromEntries(text.split(/\r?\n/).flatMap(line => {
    const [, type, command] = LINE.exec(line) ?? []
    return type === undefined || command === undefined ? [] : [[type, command.trim()]]
  }))
}

/**
 * What the slug can run. With POST /slugs nothing is read from the tarball, so this is the only source.
 * @param procfile its text; null: the project has none
 * @param programs names in `result/bin`
 * @throws NixError EMPTY_PROCFILE, NO_PROCFILE
 */
export function processTypes(procfile: string | null, programs: readonly string[]): Record<string, string> {
  if (procfile !== null) {
    const types = parseProcfile(procfile)
    if (Object.keys(types).length > 0) return types
    throw new NixError('The Procfile of the build names no process type.', {
      code: 'EMPTY_PROCFILE', exit: EXIT.project, suggestions: ['write a line such as: web: run_result.sh bin/NAME', 'commit it, and run: heroku nix:build'],
    })
  }

  const [program, ...others] = programs
  if (program !== undefined && others.length === 0) return {web: `run_result.sh bin/${program}`}
  throw new NixError(
    program === undefined
      ? 'The build has neither a Procfile nor a program in result/bin: nothing says what to run.'
      : `The build has no Procfile, and of the programs in result/bin (${programs.join(', ')}) none is the obvious one.`,
    {code: 'NO_PROCFILE', exit: EXIT.project, suggestions: [`write a Procfile: web: run_result.sh bin/${program ?? 'NAME'}`, 'commit it, and run: heroku nix:build']},
  )
}
