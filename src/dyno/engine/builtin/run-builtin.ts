import {BuiltinError, type BuiltinContext} from './context.ts'

/** Runs `builtin:NAME`. Each is loaded when it is needed: most builds need none. */
export async function runBuiltin(builder: string, context: BuiltinContext): Promise<void> {
  switch (builder) {
    case 'builtin:fetchurl': {
      await (await import('./fetchurl.ts')).fetchurl(context)
      return
    }

    case 'builtin:buildenv': {
      (await import('./buildenv.ts')).buildenv(context)
      return
    }

    case 'builtin:unpack-channel': {
      await (await import('./unpack-channel.ts')).unpackChannel(context)
      return
    }

    default: {
      throw new BuiltinError(`${builder} is not one of the builtin builders fetchurl, buildenv and unpack-channel`)
    }
  }
}
