import fs from 'node:fs'
import {BuiltinError, attribute, type BuiltinContext} from './context.ts'
import {imageEnvironment, runProgram} from './run-program.ts'

/** builtin:unpack-channel (nix: src/libstore/builtins/unpack-channel.cc): the one folder of the tarball `src`, called `channelName`. */
export async function unpackChannel(context: BuiltinContext): Promise<void> {
  const {out} = context
  const name = attribute(context, 'channelName')
  const src = attribute(context, 'src')
  if (name === '' || name === '.' || name === '..' || name.includes('/')) {
    throw new BuiltinError(`channelName is not allowed to contain filesystem separators, got ${name}`)
  }

  fs.mkdirSync(out)
  await runProgram('tar', ['--extract', '--file', src, '--directory', out, '--no-same-owner', '--no-same-permissions'], {env: imageEnvironment({})})
  const [only, ...others] = fs.readdirSync(out)
  if (only === undefined) throw new BuiltinError(`channel tarball '${src}' is empty`)
  if (others.length > 0) throw new BuiltinError(`channel tarball '${src}' contains more than one file`)
  fs.renameSync(`${out}/${only}`, `${out}/${name}`)
}
