import {flags as Flags} from '@heroku-cli/command'
import path from 'node:path'
import {NixCommand} from '../../../cli/nix-command.ts'
import {ownPage} from '../../../cli/own-page.ts'
import {recordStore} from '../../../lib/build/record-store.ts'
import {describeReport, describeWhy} from '../../../lib/check/describe-report.ts'
import {builtRules, namedRules, projectRules, rulesIn, type FoundRules} from '../../../lib/check/find-rules.ts'
import {judge, type Judged} from '../../../lib/check/judge.ts'
import {listPaths} from '../../../lib/check/list-paths.ts'
import {readBuild} from '../../../lib/check/read-build.ts'
import {listTree, nameTree, openTree} from '../../../lib/check/read-tree.ts'
import {makeReport, outcomeOf} from '../../../lib/check/report.ts'
import {reportJson, whyJson} from '../../../lib/check/report-json.ts'
import {why} from '../../../lib/check/why.ts'
import {parseConfig} from '../../../lib/config-vars.ts'
import {EXIT, NixError} from '../../../lib/errors.ts'
import type {ListedFile} from '../../../lib/listing/listed-file.ts'
import {toJsonText} from '../../../lib/listing/json-text.ts'
import {baseNameOf} from '../../../lib/nix/store-path.ts'
import {chooseBuild} from '../../../lib/redeploy/choose-build.ts'
import {parseSecretKey} from '../../../lib/signing/nix-key.ts'
import {replaceFile, writeNewFile} from '../../../lib/output/write-file.ts'
import {toBytes} from '../../../lib/slug/byte-string.ts'
import {parseRules} from '../../../lib/slugexclude/parse-rules.ts'
import type {Rules} from '../../../lib/slugexclude/rules.ts'
import {headTree} from '../../../lib/source/head-tree.ts'
import {formatSuggestion} from '../../../lib/suggest/format.ts'
import {suggest} from '../../../lib/suggest/suggest.ts'
import {treemapOf} from '../../../lib/treemap/of-judged.ts'
import {renderTreemap} from '../../../lib/treemap/page.ts'

interface Subject {
  files: ListedFile[]
  rules: FoundRules
  /** `HASH-NAME`; null: not known */
  result: string | null
  /** bytes of the compressed source; null: not known */
  source: number | null
}

const EXITS = {fine: 0, tooLarge: EXIT.tooLarge, wouldBreak: EXIT.wouldBreak}

export default class NixSlugexcludeCheck extends NixCommand {
  static override description = `show what .slugexclude keeps and drops, how large the slug will be, and what pruning would break

Looks at the listing of a build, so nothing is downloaded but that, or at a folder on this machine. Exits with 12 where what is kept needs what is dropped, and with 13 where the slug will be too large.`

  static override examples = [
    'heroku nix:slugexclude:check --app example-app',
    'heroku nix:slugexclude:check --app example-app --why gcc',
    'heroku nix:slugexclude:check --app example-app --suggest --keep share/locale/de --output .slugexclude',
    'heroku nix:slugexclude:check --app example-app --html slug.html',
    'heroku nix:slugexclude:check --tree ./closure --slugexclude .slugexclude --list kept',
  ]

  static override flags = {
    app: Flags.app({description: 'app whose build to look at'}),
    build: Flags.string({description: 'build to look at (that of HEAD, or else the newest)', helpValue: 'BUILD'}),
    tree: Flags.string({description: 'local folder to look at that holds store/, in place of a build', helpValue: 'DIR', exclusive: ['build']}),
    slugexclude: Flags.string({description: "rules to use (the project's .slugexclude, unless given)", helpValue: 'FILE'}),
    list: Flags.option({options: ['kept', 'excluded'] as const})({description: 'print paths alone, relative to the folder that holds store/', exclusive: ['why']}),
    suggest: Flags.boolean({description: 'print a .slugexclude that drops what the app can do without, and breaks nothing', exclusive: ['list', 'why', 'slugexclude', 'html']}),
    keep: Flags.string({description: 'pattern of what the suggestion has to keep, as a .slugexclude would have it', helpValue: 'PATTERN', multiple: true, dependsOn: ['suggest']}),
    output: Flags.string({description: 'file to write the suggestion to; one that is there is left alone', helpValue: 'FILE', dependsOn: ['suggest']}),
    html: Flags.string({description: 'write a page that shows what is kept and dropped as a treemap', helpValue: 'FILE', exclusive: ['list', 'why']}),
    why: Flags.string({description: 'show what leads from the result to a path with this in its name', helpValue: 'NAME'}),
  }

  async run(): Promise<object> {
    const flags = await this.flagsOf(NixSlugexcludeCheck)
    const {files, rules: found, result, source} = flags.tree === undefined
      ? await this.ofBuild(flags.app, flags.build ?? null, flags.slugexclude)
      : await this.ofTree(flags.tree, flags.slugexclude, flags.list !== undefined)
    if (flags.suggest) return this.suggest(files, result, flags)
    const rules = found.bytes && parseRules(found.bytes, {file: found.where})
    const judged = judge(files, rules)
    if (flags.list !== undefined) return this.list(judged, flags.list)
    if (flags.html !== undefined) await this.page(judged, rules, flags.html, flags.tree ?? flags.app)
    return this.report(judged, rules, {result, source}, flags.why ?? null)
  }

  private async suggest(files: readonly ListedFile[], result: string | null, {keep = [], output, app, tree}: {keep?: string[] | undefined; output?: string | undefined; app?: string | undefined; tree?: string | undefined}): Promise<object> {
    const suggestion = suggest(files, {result, keep})
    const text = formatSuggestion(suggestion, {of: app ?? tree ?? 'the app'})
    if (output === undefined) this.log(text.trimEnd())
    else {
      await writeNewFile(path.resolve(output), output, text)
      this.logToStderr(`Wrote ${output}. To try it without a build: heroku nix:redeploy --slugexclude ${output}${app === undefined ? '' : ` --app ${app}`}`)
    }

    return {text, ...suggestion}
  }

  private async page(judged: readonly Judged[], rules: Rules | null, file: string, of: string): Promise<void> {
    await replaceFile(path.resolve(file), file, renderTreemap(treemapOf(judged, rules, of), await ownPage()))
    this.logToStderr(`Wrote ${file}, a page for a browser`)
  }

  private list(judged: readonly Judged[], which: 'excluded' | 'kept'): object {
    const paths = listPaths(judged, which)
    // Names can be of any bytes; the CLI prints text.
    if (!this.jsonEnabled() && paths.length > 0) process.stdout.write(Buffer.concat(paths.flatMap(one => [toBytes(one), Buffer.from('\n')])))
    return {[which]: paths.map(one => toJsonText(one))}
  }

  private report(judged: readonly Judged[], rules: Rules | null, known: Pick<Subject, 'result' | 'source'>, asked: string | null): object {
    const report = makeReport({judged, rules, ...known})
    if (asked !== null) {
      const answer = why(asked, judged, report.graph)
      for (const line of describeWhy(answer)) this.log(line)
      return whyJson(answer)
    }

    for (const line of describeReport(report)) this.log(line)
    process.exitCode = EXITS[outcomeOf(report)]
    return reportJson(report)
  }

  private async ofBuild(appName: string | undefined, build: string | null, file: string | undefined): Promise<Subject> {
    if (appName === undefined) {
      throw new NixError('Neither --app nor --tree says what to look at.', {
        code: 'NOTHING_TO_CHECK', exit: EXIT.usage, suggestions: ['heroku nix:slugexclude:check --app APP', 'heroku nix:slugexclude:check --tree DIR'],
      })
    }

    const platform = this.platform(appName)
    const [app, vars] = await Promise.all([platform.app(), platform.configVars()])
    const config = parseConfig(vars, app.name)
    const {s3Bucket} = await import('../../../lib/bucket/s3-bucket.ts')
    const bucket = s3Bucket(config.bucket)
    try {
      const {record, note} = await chooseBuild(recordStore(bucket, config.appName), {
        asked: build, head: build === null ? await headTree(process.cwd(), process.env) : null, app: config.appName, flags: config.buildFlags,
        key: parseSecretKey(config.signingKey).publicKey,
      })
      if (note !== null) this.warn(note)
      const rules = file === undefined
        ? await projectRules(process.cwd(), process.env) ?? await builtRules(bucket, record, ['heroku nix:slugexclude:check --slugexclude FILE'])
        : await namedRules(path.resolve(file), file)
      this.say(`Build ${record.id}`, rules)
      return {...await readBuild(bucket, record), rules, result: baseNameOf(record.outcome.result)}
    } finally {
      bucket.close()
    }
  }

  private async ofTree(folder: string, file: string | undefined, namesAlone: boolean): Promise<Subject> {
    const tree = openTree(path.resolve(folder), folder)
    const rules = file === undefined
      ? await projectRules(process.cwd(), process.env) ?? await rulesIn(process.cwd())
      : await namedRules(path.resolve(file), file)
    this.say(folder, rules)
    return {files: namesAlone ? nameTree(tree) : await listTree(tree), rules, result: tree.result, source: null}
  }

  private say(what: string, {where, bytes}: FoundRules): void {
    this.logToStderr(bytes === null ? `${what}, with everything kept: there is no ${where}` : `${what}, pruned by ${where}`)
  }
}
