import {randomInt} from 'node:crypto'
import {once} from 'node:events'
import {createServer} from 'node:net'
import {StandinError} from '../errors.ts'

/** Below what kernels choose from: a port from there would at times be taken by somebody's outgoing connection. */
const LOWEST = 20_000
const HIGHEST = 32_767

/** A port on 127.0.0.1 that nobody listens on now, for programs that cannot be given port 0. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(LOWEST, HIGHEST + 1)
    if (await isFree(port)) {
      return port
    }
  }

  throw new StandinError(`No free port between ${LOWEST} and ${HIGHEST} on 127.0.0.1.`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
