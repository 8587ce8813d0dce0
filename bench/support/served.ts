import {execFile, execFileSync, spawn} from 'node:child_process'
import {once} from 'node:events'
import {createServer, type AddressInfo} from 'node:net'
import {promisify} from 'node:util'
import {CannotMeasure} from '../bench.ts'

/** An app that answers. */
export interface Served extends AsyncDisposable {
  /** ms, from starting it to its first answer */
  startUp: number
  /** Requests per second that it answers, over some seconds. */
  load: (seconds: number) => Promise<number>
}

const BOOT_TIMEOUT = 60_000

/** Starts a web server (PORT in its environment) and asks until it answers. Disposing ends it. */
export async function serve([file = '', ...args]: readonly string[]): Promise<Served> {
  const port = await freePort()
  const started = performance.now()
  const server = spawn(file, args, {env: {PATH: '/usr/bin:/bin', PORT: String(port)}, stdio: 'ignore', detached: true})
  const ended = once(server, 'exit')
  const end = async () => {
    process.kill(-(server.pid ?? 0), 'SIGKILL')
    await ended
  }

  try {
    await firstAnswer(port, server)
  } catch (error) {
    await end()
    throw error
  }

  return {startUp: performance.now() - started, load: seconds => load(port, seconds), [Symbol.asyncDispose]: end}
}

async function load(port: number, seconds: number): Promise<number> {
  const {stdout} = await promisify(execFile)('wrk', ['-t1', '-c8', `-d${seconds.toString()}s`, `http://127.0.0.1:${port.toString()}/`])
  const rate = Number(/^Requests\/sec:\s+([\d.]+)/m.exec(stdout)?.[1])
  if (!(rate > 0) || stdout.includes('Non-2xx')) throw new CannotMeasure(`wrk got no good answers:\n${stdout}`)
  return rate
}

async function firstAnswer(port: number, server: ReturnType<typeof spawn>): Promise<void> {
  const deadline = performance.now() + BOOT_TIMEOUT
  for (;;) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port.toString()}/`)
      if (answer.ok) return
      throw new CannotMeasure(`The app answers ${answer.status}`)
    } catch (error) {
      if (error instanceof CannotMeasure) throw error
      // Not listening yet: connecting costs 0.2 ms, so asking again at once measures finely and takes little from the app.
      if (server.exitCode !== null || performance.now() > deadline) throw new CannotMeasure(`The app does not start: ${server.spawnargs.join(' ')}`)
      await new Promise(resolve => setTimeout(resolve, 2))
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const {port} = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** PRoot as a benchmark's output names it; null where there is none. */
export function describeProot(): string | null {
  const proot = prootVersion()
  return proot && `PRoot ${proot.version} (${proot.seccomp ? 'with' : 'built without'} seccomp acceleration, the only one at hand)`
}

/** What PRoot says of itself; null where there is none. */
export function prootVersion(): {version: string; seccomp: boolean} | null {
  try {
    const text = execFileSync('proot', ['--version'], {encoding: 'utf8'})
    return {version: /(\d+\.\d+\.\d+)/.exec(text)?.[1] ?? 'unknown', seccomp: /seccomp_filter = yes/.test(text)}
  } catch {
    // Not installed.
    return null
  }
}
