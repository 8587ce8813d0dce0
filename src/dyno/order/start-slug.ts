import {readFile} from 'node:fs/promises'
import {recordStore} from '../../lib/build/record-store.ts'
import type {BuildSource} from '../../lib/build/record.ts'
import {isRecordSignedBy} from '../../lib/build/signed-text.ts'
import {EXIT, NixError} from '../../lib/errors.ts'
import {findBuilt} from '../../lib/order/find-built.ts'
import {MAX_TIME_TO_LIVE} from '../../lib/order/time-to-live.ts'
import {parseSecretKey, type PublicKey} from '../../lib/signing/nix-key.ts'
import {openSession, runOrdered, type Session} from '../build/session.ts'
import {incomplete, listedFiles} from './listed-files.ts'
import {orderBuild, uploadEntries} from './order-build.ts'
import {parseSlugSource} from './slug-source.ts'

const SLUG = '/app'
const FACTS = `${SLUG}/.heroku/nix/source.json`
const FILES = `${SLUG}/.heroku/nix/source.files`

/** `dyno.mjs build-slug [--force]`, on a dyno that runs one of our slugs: builds what that was made of. Ends the process. */
export async function startSlug(args: readonly string[]): Promise<never> {
  const force = parseArguments(args)
  const session = openSession()
  const {config, bucket, stdout} = session
  const key = parseSecretKey(config.signingKey).publicKey
  const source = await provideSource(session, key)
  const records = recordStore(bucket, config.appName)
  const built = force ? null : await findBuilt({records, bucket, key}, {...source, config})
  const what = source.commit === null ? `tree ${source.tree.slice(0, 10)}` : `commit ${source.commit.slice(0, 10)}`
  if (built !== null) {
    stdout(`-----> Build ${built.id} has built ${what} already. Again: heroku run "build --force"\n${next()}`)
    process.exit(0)
  }

  const id = await orderBuild(source, MAX_TIME_TO_LIVE, session)
  stdout(`-----> Building ${what} for ${config.appName}, build ${id}. Its log again: heroku nix:build --follow ${id}\n`)
  const status = await runOrdered({id, source, isShown: true}, session)
  if (status === 0) stdout(next())
  process.exit(status)
}

const next = () => '       To release it: heroku nix:redeploy\n'

function parseArguments(args: readonly string[]): boolean {
  const unknown = args.find(argument => argument !== '--force')
  if (unknown === undefined) return args.length > 0
  throw new NixError(`build knows --force, and not "${unknown}".`, {
    code: 'USAGE', exit: EXIT.usage, suggestions: ['heroku run build', 'heroku nix:build --help, which can do more'],
  })
}

/** Where it is no build's, the source is put together of the slug's files: nothing but the slug can be believed about it. */
async function provideSource({bucket, config}: Session, key: PublicKey): Promise<BuildSource> {
  const facts = parseSlugSource(await textOf(FACTS))
  switch (facts.kind) {
    case 'built': {
      const {tree, sha256} = facts
      const found = await recordStore(bucket, config.appName).newestSucceeded({tree})
      const record = found !== null && isRecordSignedBy(found.record, key) ? found.record.source : null
      return {tree, sha256, commit: record?.tree === tree && record.sha256 === sha256 ? record.commit : null}
    }

    case 'pushed': {
      const {tree, commit} = facts
      const files = await readFile(FILES).catch(() => {
        throw incomplete('it has no list of the files')
      })
      const {sha256} = await uploadEntries(bucket, config.appName, listedFiles(SLUG, files), packed => {
        if (packed.tree !== tree) throw incomplete(`the slug's files are of tree ${packed.tree.slice(0, 10)}, and tree ${tree.slice(0, 10)} was pushed. Another buildpack may have changed them`)
      })
      return {tree, commit, sha256}
    }
  }
}

function textOf(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  })
}
