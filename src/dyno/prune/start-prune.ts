import {isBuildId} from '../../lib/build/id.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import {startOrder} from '../one-off/start-order.ts'
import {runPrune} from './run-prune.ts'

/** `dyno.mjs prune ORDER`, on a real dyno: file descriptor 3 holds the variables. Ends the process. */
export function startPrune(order: string): Promise<never> {
  return startOrder({done: 'pruned the layer', secret: []}, ({variables, config}, edges) => {
    const {NIX_ORDER_BUILD: build = '', NIX_LAYER_DIGEST: digest = ''} = variables
    if (!isBuildId(order) || !isBuildId(build) || digest === '') {
      throw new NixError('NIX_ORDER_BUILD and NIX_LAYER_DIGEST are not set: this dyno was not started by nix:redeploy.', {
        code: 'NO_PRUNE_ORDER', exit: EXIT.usage, suggestions: ['heroku nix:redeploy'],
      })
    }

    return runPrune({order, build, digest, config}, edges)
  })
}
