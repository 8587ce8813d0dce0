import {Command} from '@heroku-cli/command'
import {CLIError} from '@oclif/core/errors'
import type * as Interfaces from '@oclif/core/interfaces'
import {ux} from '@oclif/core/ux'
import {setTimeout as delay} from 'node:timers/promises'
import {EXIT, NixError} from '../lib/errors.ts'
import {DEFAULT_PATIENCE_MS} from '../lib/platform/ask.ts'
import {herokuPlatform, type Platform} from '../lib/platform/platform.ts'
import {withApp} from '../lib/output/with-app.ts'
import type {Telling} from '../lib/redeploy/redeploy-world.ts'
import type {Toolbox} from '../lib/tools/toolbox.ts'
import {ownToolbox} from './own-toolbox.ts'
import {sendAs} from './send-request.ts'

/** What our commands share: the way to Heroku, and how errors look. */
export abstract class NixCommand extends Command {
  static override baseFlags = Command.baseFlagsWithoutPrompt()
  static override promptFlagActive = false
  static override enableJsonFlag = true

  /** milliseconds to go on asking a Heroku that is busy */
  protected patience = DEFAULT_PATIENCE_MS
  private app: string | null = null

  /** `parse` of @heroku-cli/command gives `any`; this gives the flags their types back. */
  protected async flagsOf<F extends Interfaces.FlagInput>(command: {flags: F}): Promise<Interfaces.InferredFlags<F>> {
    const {flags} = await this.parse(command) as {flags: Interfaces.InferredFlags<F>}
    this.app = 'app' in flags && typeof flags['app'] === 'string' ? flags['app'] : null
    return flags
  }

  /** @param patience milliseconds to go on asking a Heroku that is busy */
  protected platform(app: string, patience = this.patience): Platform {
    const userAgent = `heroku-nix/${this.pluginVersion()} ${this.config.userAgent}`
    return herokuPlatform(app, sendAs(this.heroku, userAgent), {total: patience, wait: milliseconds => delay(milliseconds)})
  }

  /** Runs one step with its name before it and `done` after it, on standard error. */
  protected async step<T>(name: string, act: () => Promise<T>, result: (value: T) => string = () => 'done'): Promise<T> {
    if (this.jsonEnabled()) return act()
    ux.action.start(name)
    const value = await act()
    ux.action.stop(result(value))
    return value
  }

  /** The same and more, for what does its work in src/lib. */
  protected telling(): Telling {
    return {
      step: (name, act, result) => this.step(name, act, result),
      say: line => this.logToStderr(line),
      warn: text => this.warn(text),
      status: text => {
        // Where there is no spinner, each would be a line.
        if (ux.action.running && ux.action.type === 'spinner') ux.action.status = text
      },
      output: bytes => (this.jsonEnabled() ? process.stderr : process.stdout).write(bytes),
    }
  }

  /** Our errors look like the CLI's own; under --json they keep all their fields and lose their cause. */
  protected override async catch(error: Error): Promise<void> {
    if (error instanceof NixError && !this.jsonEnabled()) {
      process.exitCode = error.exitCode
      await super.catch(new CLIError(error.message, {exit: error.exitCode, code: error.code, suggestions: this.suggestions(error)}))
      return
    }

    if (!(error instanceof NixError) && !(error instanceof CLIError)) {
      this.logToStderr(`This is a bug of heroku-nix ${this.pluginVersion()}; please report it: ${this.repository()}/issues`)
    }

    await super.catch(error)
  }

  protected override toErrorJson(error: unknown): unknown {
    return error instanceof NixError
      ? {error: {code: error.code, message: error.message, exitCode: error.exitCode, suggestions: this.suggestions(error)}}
      : super.toErrorJson(error)
  }

  /** The plugin's own version, not the CLI's. */
  protected pluginVersion(): string {
    return this.plugin().version
  }

  /** Our buildpack lies in the plugin's repository; a push uses the version that setup was run with. */
  protected buildpackUrl(): string {
    return `${this.repository()}#v${this.pluginVersion()}`
  }

  /** What dynos start from, of this version of the plugin. */
  protected toolbox(): Promise<Toolbox> {
    return ownToolbox({env: process.env, cwd: process.cwd(), registry: this.config.npmRegistry})
  }

  private suggestions({suggestions}: NixError): string[] {
    const {app} = this
    return app === null ? [...suggestions] : suggestions.map(text => withApp(text, app))
  }

  private repository(): string {
    const {repository} = this.plugin().pjson as {repository?: unknown}
    if (typeof repository === 'string') return repository
    if (typeof repository === 'object' && repository !== null && 'url' in repository && typeof repository.url === 'string') {
      return repository.url.replace(/^git\+/, '').replace(/\.git$/, '')
    }

    throw new Error('package.json names no repository')
  }

  private plugin(): Interfaces.Plugin {
    const plugin = [...this.config.plugins.values()].find(({name}) => name === 'heroku-nix')
    if (plugin === undefined) throw new Error('the plugin heroku-nix is not among the loaded ones')
    return plugin
  }
}

/** Whether there is somebody to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}

/**
 * Checks `--confirm`, or asks.
 * @throws NixError WRONG_CONFIRMATION, CONFIRMATION_NEEDED, DECLINED
 */
export async function confirm({app, confirmed, question, command}: {app: string; confirmed: string | undefined; question: string; command: string}): Promise<void> {
  if (confirmed !== undefined) {
    if (confirmed === app) return
    throw new NixError(`--confirm names ${confirmed}, but the app is ${app}; nothing was changed.`, {
      code: 'WRONG_CONFIRMATION', exit: EXIT.usage, suggestions: [`${command} --app ${app} --confirm ${app}`],
    })
  }

  if (!canAsk()) {
    throw new NixError('There is no terminal to ask at, and no --confirm; nothing was changed.', {
      code: 'CONFIRMATION_NEEDED', exit: EXIT.usage, suggestions: [`${command} --app ${app} --confirm ${app}`],
    })
  }

  const {prompter} = await import('@heroku-cli/command')
  const {yes} = await prompter.prompt<{yes: boolean}>([{type: 'confirm', name: 'yes', message: question, default: false}])
  if (!yes) {
    throw new NixError('Nothing was changed.', {code: 'DECLINED', exit: EXIT.declined})
  }
}
