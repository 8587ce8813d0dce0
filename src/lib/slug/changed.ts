import {EXIT, NixError} from '../errors.ts'

/** A store path that changes while it is read: nothing but another program of the same user can do that. */
export function changed(message: string): NixError {
  return new NixError(message, {
    code: 'FILE_CHANGED', exit: EXIT.unexpected, suggestions: ['run the same command again; nothing else may change the files meanwhile'],
  })
}
