import {existsSync} from 'node:fs'
import {chmod, mkdir, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import type {AppRecord} from '../state/model.ts'
import {git} from './git.ts'
import {HookServer} from './hook-server.ts'
import type {PushContext} from './push.ts'
import {receivePush} from './push.ts'

const HOOK = fileURLToPath(new URL('hook.ts', import.meta.url))

/** The bare repositories of apps, and the hook that builds what is pushed to them. */
export class GitServer {
  readonly #dir: string
  readonly #hooks: HookServer
  readonly #making = new Map<string, Promise<void>>()

  private constructor(dir: string, hooks: HookServer) {
    this.#dir = dir
    this.#hooks = hooks
  }

  static async start(dir: string, context: PushContext & {complain: (message: string) => void}): Promise<GitServer> {
    const hooks = join(dir, 'hooks')
    await mkdir(hooks, {recursive: true})
    const script = join(hooks, 'pre-receive')
    await writeFile(script, `#!/bin/sh\nexec '${process.execPath}' --disable-warning=ExperimentalWarning '${HOOK}'\n`)
    await chmod(script, 0o755)
    return new GitServer(dir, await HookServer.start((app, push) => receivePush(app, push, context), context.complain))
  }

  /** The app's repository, which is made at its first use. */
  async repository(app: AppRecord): Promise<string> {
    const repository = join(this.#dir, `${app.id}.git`)
    const making = this.#making.get(app.id) ?? (existsSync(repository) ? Promise.resolve() : this.#make(repository))
    this.#making.set(app.id, making)
    await making
    return repository
  }

  /** What the hook of one push is told, and what takes it back. */
  announce(app: AppRecord, repository: string): {env: Record<string, string>; forget: () => void} {
    const {url, forget} = this.#hooks.expect({app, repository})
    return {env: {STANDIN_HOOK_URL: url}, forget}
  }

  async dropApp(app: AppRecord): Promise<void> {
    this.#making.delete(app.id)
    await rm(join(this.#dir, `${app.id}.git`), {recursive: true, force: true})
  }

  close(): void {
    this.#hooks.close()
  }

  async #make(repository: string): Promise<void> {
    const settings = ['http.receivepack=true', `core.hooksPath=${join(this.#dir, 'hooks')}`, 'gc.auto=0', 'receive.autogc=false']
    await git(['init', '--quiet', '--bare', '--template=', '--initial-branch=main', repository], {})
    for (const setting of settings) {
      const equals = setting.indexOf('=')
      await git(['-C', repository, 'config', setting.slice(0, equals), setting.slice(equals + 1)], {})
    }
  }
}
