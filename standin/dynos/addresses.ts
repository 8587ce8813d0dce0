import {randomInt} from 'node:crypto'
import {once} from 'node:events'
import {readFile} from 'node:fs/promises'
import {createServer} from 'node:net'

export interface Address {
  host: string
  port: number
}

/**
 * Gives each web dyno a loopback address and a port that no other dyno of this stand-in has while it lives.
 *
 * Ports come from outside the range that the kernel takes for `bind(0)` and outgoing connections: minutes may pass until the
 * dyno's program binds its port, and until then nothing holds it.
 */
export class Addresses {
  private readonly hosts = new Set<string>()
  private readonly ports = new Set<number>()

  async take(): Promise<Address> {
    const host = draw(() => `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`, this.hosts)
    const [lowest] = (await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'latin1')).trim().split(/\s+/).map(Number)
    const end = lowest !== undefined && lowest > 12_000 ? Math.min(lowest, 32_768) : 32_768
    for (let attempt = 0; ; attempt++) {
      const port = draw(() => randomInt(10_000, end), this.ports)
      if (await isFree(port)) {
        return {host, port}
      }

      this.ports.delete(port)
      if (attempt === 200) {
        throw new Error(`No free TCP port between 10000 and ${end} after 200 attempts`)
      }
    }
  }

  giveBack({host, port}: Address): void {
    this.hosts.delete(host)
    this.ports.delete(port)
  }
}

function draw<T>(next: () => T, taken: Set<T>): T {
  for (;;) {
    const value = next()
    if (!taken.has(value)) {
      taken.add(value)
      return value
    }
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  server.listen({host: '0.0.0.0', port, exclusive: true})
  try {
    await once(server, 'listening')
  } catch {
    return false
  }

  server.close()
  await once(server, 'close')
  return true
}
