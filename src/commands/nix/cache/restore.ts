import * as Args from '@oclif/core/args'
import {flags as Flags} from '@heroku-cli/command'
import path from 'node:path'
import {NixCommand} from '../../../cli/nix-command.ts'
import {recordStore} from '../../../lib/build/record-store.ts'
import type {S3Bucket} from '../../../lib/bucket/s3-bucket.ts'
import {builtRules} from '../../../lib/check/find-rules.ts'
import {parseConfig, type NixConfig} from '../../../lib/config-vars.ts'
import {EXIT, NixError} from '../../../lib/errors.ts'
import {baseNameOf} from '../../../lib/nix/store-path.ts'
import {plural} from '../../../lib/output/plural.ts'
import {transferBar} from '../../../lib/output/progress.ts'
import {formatBytes} from '../../../lib/output/units.ts'
import {chooseBuild} from '../../../lib/redeploy/choose-build.ts'
import {readGivenRules, type GivenRules} from '../../../lib/redeploy/ensure-layer.ts'
import {namedPaths} from '../../../lib/restore/named-paths.ts'
import {pathsAsFound, wantedOf, type WantedPath} from '../../../lib/restore/find-paths.ts'
import {restoreTree} from '../../../lib/restore/restore-tree.ts'
import {sumUp, type RestoredSum} from '../../../lib/restore/sum-up.ts'
import {checkFolder, explainFolder} from '../../../lib/restore/target-folder.ts'
import {parseSecretKey, type PublicKey} from '../../../lib/signing/nix-key.ts'
import {parseRules} from '../../../lib/slugexclude/parse-rules.ts'
import {headTree} from '../../../lib/source/head-tree.ts'
import {kindAt} from '../../../lib/view/entry.ts'

interface RestoreResult extends RestoredSum {
  app: string
  /** null: paths were named */
  build: string | null
  /** absolute */
  folder: string
  /** where the build's result, or each path that was named, lies; what the rules leave nothing of is not among them */
  roots: string[]
}

/** What is to be restored. */
interface Subject {
  build: string | null
  wanted: WantedPath[]
  /** store paths that are looked for in the folder afterwards */
  roots: string[]
  /** also what the wanted refer to */
  closure: boolean
  /** bytes of all NARs; null: that is found out on the way */
  total: number | null
  rules: {where: string; bytes: Buffer} | null
}

export default class NixCacheRestore extends NixCommand {
  static override description = `put store paths from the bucket into a folder, as dynos have them

Takes what a build's slug would hold of the store: its run-time closure, relocated to /app/.nixs and pruned by the build's .slugexclude; or the paths that are named, with all that they refer to. Needs no Nix. Each path is checked against its signature and hash before it gets its name. Run again after it was interrupted, it goes on.`

  static override examples = [
    'heroku nix:cache:restore --app example-app --into closure',
    'heroku nix:cache:restore --app example-app --into closure --build 20261123-101500-k3xq --all',
    'heroku nix:cache:restore --app example-app --into closure --slugexclude smaller.slugexclude',
    'heroku nix:cache:restore --app example-app --into one --no-references /nix/store/1q8w6gl1ll0mwfkqc3c2yx005s6wwfrl-hello-2.12.1',
  ]

  static override strict = false

  static override args = {
    path: Args.string({description: 'store paths, in place of a build'}),
  }

  static override flags = {
    app: Flags.app({required: true, description: 'app whose bucket to restore from'}),
    into: Flags.string({required: true, description: 'folder to put them into: a new one, or one that this command has begun to fill', helpValue: 'FOLDER'}),
    build: Flags.string({description: 'build to restore (that of HEAD, or else the newest)', helpValue: 'BUILD'}),
    slugexclude: Flags.string({description: "file to prune by, in place of the build's .slugexclude", helpValue: 'FILE', exclusive: ['all']}),
    all: Flags.boolean({description: 'prune nothing'}),
    'no-references': Flags.boolean({description: 'the named paths alone, without what they refer to'}),
  }

  /** beside the one that downloads; undefined: by what there is to do */
  protected threads: number | undefined = undefined

  async run(): Promise<RestoreResult> {
    const flags = await this.flagsOf(NixCacheRestore)
    const {argv} = await this.parse(NixCacheRestore) as {argv: string[]}
    const named = namedPaths(argv)
    checkTogether(flags, named)
    const given = flags.slugexclude === undefined ? null : await readGivenRules(path.resolve(flags.slugexclude), flags.slugexclude)
    const folder = path.resolve(flags.into)
    checkFolder(folder, flags.into)
    const platform = this.platform(flags.app)
    const [app, vars] = await Promise.all([platform.app(), platform.configVars()])
    const config = parseConfig(vars, app.name)
    const key = parseSecretKey(config.signingKey).publicKey
    const {s3Bucket} = await import('../../../lib/bucket/s3-bucket.ts')
    const bucket = s3Bucket(config.bucket)
    try {
      const subject = named.length > 0
        ? {build: null, wanted: named.map(name => ({path: name})), roots: named, closure: !flags['no-references'], total: null, rules: given && {where: given.file, bytes: given.bytes}}
        : await this.ofBuild(bucket, {config, key, asked: flags.build ?? null, given, all: flags.all})
      if (subject.rules !== null) this.logToStderr(`Pruned by ${subject.rules.where}`)
      const sum = await this.step(`Restoring ${subject.build === null ? plural(named.length, 'path') : `build ${subject.build}`} into ${flags.into}`,
        () => this.restore(bucket, subject, {folder, named: flags.into, key}), describe)
      const roots = subject.roots.map(root => path.join(folder, baseNameOf(root))).filter(root => kindAt(root) !== null)
      for (const root of roots) this.log(root)
      return {app: app.name, build: subject.build, folder, roots, ...sum}
    } finally {
      bucket.close()
    }
  }

  private async ofBuild(
    bucket: S3Bucket, {config, key, asked, given, all}: {config: NixConfig; key: PublicKey; asked: string | null; given: GivenRules | null; all: boolean},
  ): Promise<Subject> {
    const {record, note} = await chooseBuild(recordStore(bucket, config.appName), {
      asked, head: asked === null ? await headTree(process.cwd(), process.env) : null, app: config.appName, flags: config.buildFlags, key,
    })
    if (note !== null) this.warn(note)
    const {closure, result, engine} = record.outcome
    if (engine !== 'relocate') {
      throw new NixError(`Build ${record.id} was made by the ${engine} engine, whose dynos have its paths as they lie in /nix/store.`, {
        code: 'CANNOT_RESTORE', exit: EXIT.usage, suggestions: ['heroku nix:build --force, where NIX_ENGINE is not proot'],
      })
    }

    const built = given === null && !all ? await builtRules(bucket, record, ['heroku nix:cache:restore --slugexclude FILE', 'heroku nix:cache:restore --all']) : null
    const rules = given ? {where: given.file, bytes: given.bytes} : built?.bytes ? {where: built.where, bytes: built.bytes} : null
    return {
      build: record.id, wanted: wantedOf(closure), roots: [result], closure: false, total: closure.reduce((sum, {narSize}) => sum + narSize, 0), rules,
    }
  }

  private async restore(bucket: S3Bucket, {wanted, closure, total, rules}: Subject, {folder, named, key}: {folder: string; named: string; key: PublicKey}): Promise<RestoredSum> {
    const {status} = this.telling()
    const show = total === null ? (bytes: number) => status(formatBytes(bytes)) : transferBar(total, status)
    try {
      return sumUp(await restoreTree(bucket, pathsAsFound(bucket, wanted, {trusted: [key], closure}), {
        folder, rules: rules && parseRules(rules.bytes, {file: rules.where}), threads: this.threads, onBytes: show,
      }))
    } catch (error) {
      throw explainFolder(error, named)
    }
  }
}

function describe({paths, files, bytes, there, pruned}: RestoredSum): string {
  const besides = [...there > 0 ? [`${there} already there`] : [], ...pruned > 0 ? [`${pruned} left out`] : []]
  return `${plural(paths, 'path')}, ${plural(files, 'file')}, ${formatBytes(bytes)}${besides.length > 0 ? ` (${besides.join(', ')})` : ''}`
}

/** @throws NixError BAD_FLAGS */
function checkTogether(flags: {build?: string | undefined; 'no-references': boolean}, named: readonly string[]): void {
  const wrong = named.length > 0 && flags.build !== undefined ? 'Either --build or paths can be named, not both.'
    : named.length === 0 && flags['no-references'] ? '--no-references is for paths that are named, and none is.' : null
  if (wrong !== null) throw new NixError(wrong, {code: 'BAD_FLAGS', exit: EXIT.usage, suggestions: ['heroku help nix:cache:restore']})
}
