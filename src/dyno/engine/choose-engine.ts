import {EXIT, NixError} from '../../lib/errors.ts'
import type {Probe} from './probe.ts'

export type Engine = 'relocate'

/** Which engine builds, by NIX_ENGINE (unset or empty: `auto`) and what the dyno permits. */
export function chooseEngine(probe: Probe, wanted: string | undefined): Engine {
  switch (wanted) {
    case undefined:
    case '':
    case 'auto':
    case 'relocate': {
      return 'relocate'
    }

    case 'proot': {
      const why = probe.ptrace === 'refused'
        ? 'This dyno refuses ptrace, without which PRoot cannot run.'
        : 'The proot engine is not available in this version.'
      throw new NixError(`NIX_ENGINE is "proot". ${why}`, {
        code: 'ENGINE_UNAVAILABLE', exit: EXIT.setup, suggestions: ['heroku config:unset NIX_ENGINE', 'heroku config:set NIX_ENGINE=relocate'],
      })
    }

    default: {
      throw new NixError(`NIX_ENGINE is ${JSON.stringify(wanted)}; it can be auto, relocate or proot.`, {
        code: 'BAD_ENGINE', exit: EXIT.setup, suggestions: ['heroku config:unset NIX_ENGINE'],
      })
    }
  }
}
