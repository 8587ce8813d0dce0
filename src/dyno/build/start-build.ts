import {orderedSource} from '../../lib/build/ordered-source.ts'
import {openSession, runOrdered} from './session.ts'

/** `dyno.mjs build ID`, on a dyno that nix:build started. Ends the process. */
export async function startBuild(id: string): Promise<never> {
  const session = openSession()
  process.exit(await runOrdered({id, source: orderedSource(session.variables), isShown: false}, session))
}
