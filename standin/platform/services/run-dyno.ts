import {finished} from 'node:stream/promises'
import type {Dyno, DynoEnd, DynoSpec} from '../../dynos/contract.ts'
import type {MemoryEvent} from '../../dynos/memory-use.ts'
import {LineSplitter} from '../../logs/line-splitter.ts'
import {currentSlug, timestamp} from '../../state/apps.ts'
import type {AppRecord, SlugRecord} from '../../state/model.ts'
import type {Context} from '../context.ts'
import {findSize} from '../policy/dyno-sizes.ts'
import type {LiveDyno} from './live-dyno.ts'

export type RunContext = Pick<Context, 'faults' | 'host' | 'logs' | 'slugs' | 'source'>

/** What a dyno's program gets and where its output goes. */
export interface RunOptions {
  slug: SlugRecord | null
  env: Readonly<Record<string, string>>
  terminal: DynoSpec['terminal']
  timeToLiveMs: number | null
  /** attached: the caller reads `dyno.output`; logged: it becomes lines of the app's log, and goes to `copy` as it comes */
  output: {kind: 'attached'} | {kind: 'logged'; copy: ((chunk: Buffer) => void) | null}
  /** one-off dynos complete; those of the formation crash, unless somebody stopped them */
  endsAs: 'complete' | 'crashed'
}

export interface RunningDyno {
  dyno: Dyno
  /** settles when the program has ended, its output is read and the log tells it */
  finished: Promise<DynoEnd>
}

/** Starts the process of a dyno, keeps its state, and writes what happens into the app's log as Heroku does. */
export function runDyno(live: LiveDyno, options: RunOptions, context: RunContext): RunningDyno {
  const {app} = live
  const log = context.logs.of(app)
  const tell = (message: string) => log.add('heroku', live.name, message)
  const change = (state: LiveDyno['state'], shown: string = state) => {
    if (shown !== live.state) tell(`State changed from ${live.state} to ${shown}`)
    live.state = state
    live.updatedAt = timestamp(context.source.now())
  }

  tell(`Starting process with command \`${live.command}\``)
  const dyno = context.host.start(specOf(live, options, context))
  live.dyno = dyno
  const fault = plantFault(live, dyno, context)
  dyno.onState(state => {
    if (state !== 'up' || live.state === 'up' || live.stopping) return
    change('up')
    fault.onUp()
  })

  dyno.onMemory(event => {
    for (const line of describeMemory(event)) tell(line)
  })

  const splitter = new LineSplitter(line => {
    if (options.output.kind === 'logged') log.add('app', live.name, line)
    fault.onLine(line)
  })
  dyno.output.on('data', (chunk: Buffer) => {
    splitter.write(chunk)
    if (options.output.kind === 'logged') options.output.copy?.(chunk)
  })

  const end = async () => {
    // A stream that breaks has ended too.
    const [result] = await Promise.all([dyno.ended, finished(dyno.output, {writable: false}).catch(() => null)])
    splitter.end()
    fault.cancel()
    for (const line of describeEnd(result, app)) tell(line)
    if (options.endsAs === 'complete') change('down', 'complete')
    else if (!live.stopping) change('crashed')
    live.dyno = null
    return result
  }

  return {dyno, finished: end()}
}

/** A command's first word may name a process type, as in `heroku run worker --once`. */
export function resolveCommand(command: string, app: AppRecord): string {
  const [first = ''] = command.split(' ', 1)
  const types = currentSlug(app)?.processTypes ?? {}
  return Object.hasOwn(types, first) ? `${types[first] ?? ''}${command.slice(first.length)}` : command
}

function specOf(live: LiveDyno, options: RunOptions, context: RunContext): DynoSpec {
  const {app} = live
  const size = findSize(live.size)
  return {
    name: live.name,
    command: live.command,
    env: {...app.config, ...options.env, DYNO: live.name},
    slug: options.slug ? context.slugs.file(options.slug.id) : null,
    terminal: options.terminal,
    web: live.type === 'web' ? {bootTimeoutMs: app.settings.bootTimeoutMs} : null,
    timeToLiveMs: options.timeToLiveMs,
    graceMs: app.settings.graceMs,
    maxThreads: size?.maxThreads ?? null,
    memory: app.settings.memoryQuota ?? (size ? size.memory * 1024 ** 3 : null),
    overrun: ['fir', 'private', 'shield'].includes(size?.family ?? '') ? 'process' : 'dyno',
    cycleMs: options.endsAs === 'complete' ? app.settings.cycleMs : null,
  }
}

function describeEnd({status, reason}: DynoEnd, {settings}: AppRecord): string[] {
  const grace = `Error R12 (Exit timeout) -> At least one process failed to exit within ${settings.graceMs / 1000} seconds of SIGTERM`
  const outlived = status === 137 ? [grace, 'Stopping remaining processes with SIGKILL'] : []
  const before = {
    'boot-timeout': [
      `Error R10 (Boot timeout) -> Web process failed to bind to $PORT within ${settings.bootTimeoutMs / 1000} seconds of launch`,
      'Stopping process with SIGKILL',
    ],
    cycled: ['Cycling', 'Stopping all processes with SIGTERM', ...outlived],
    exited: [],
    killed: [],
    memory: ['Stopping process with SIGKILL'],
    stopped: outlived,
    'time-to-live': ['Stopping all processes with SIGTERM', ...outlived],
  }[reason]
  return [...before, `Process exited with status ${status}`]
}

/** As in logs that people have published: github.com/MsGsuite/CloneBot_Heroku/issues/29 */
function describeMemory({kind, bytes, quota}: MemoryEvent): string[] {
  const error = {R14: 'Error R14 (Memory quota exceeded)', R15: 'Error R15 (Memory quota vastly exceeded)'}[kind]
  return [`Process running mem=${Math.floor(bytes / 1024 ** 2)}M(${(bytes / quota * 100).toFixed(1)}%)`, error]
}

/** A dyno that was ordered to die does so after a time or at a line of its output. */
function plantFault(live: LiveDyno, dyno: Dyno, {faults}: RunContext) {
  const when = faults.takeDyno(live.app.name, live.name)
  let timer: NodeJS.Timeout | null = null
  return {
    onUp() {
      if (when?.kind === 'after') timer = setTimeout(() => dyno.kill(), when.ms)
    },
    onLine(line: string) {
      if (when?.kind === 'line' && line.includes(when.pattern)) dyno.kill()
    },
    cancel() {
      if (timer) clearTimeout(timer)
    },
  }
}
