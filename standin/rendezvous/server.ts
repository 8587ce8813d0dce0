import {createServer} from 'node:tls'
import type {Server, TLSSocket} from 'node:tls'
import type {DynoState} from '../dynos/contract.ts'
import type {Logs} from '../logs/logs.ts'
import type {Claim, OneOffs} from '../platform/services/one-offs.ts'
import type {Certificates} from './certificates.ts'
import {ExitMarker} from './exit-marker.ts'
import {endAtEot} from './end-of-input.ts'

/** Attached dynos without traffic end after an hour. devcenter.heroku.com/articles/one-off-dynos#timeout */
const IDLE_MS = 3_600_000
const LONGEST_SECRET = 1024

export interface Rendezvous {
  server: Server
  /** ends it with all its connections */
  close(): void
}

/** Joins clients with attached dynos: TLS, the secret on a line, a greeting line back, then bytes both ways. */
export function createRendezvous({key, cert}: Pick<Certificates, 'cert' | 'key'>, oneOffs: OneOffs, logs: Logs): Rendezvous {
  const sockets = new Set<TLSSocket>()
  const server = createServer({key, cert}, socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // A client that breaks off is told apart by 'close', which follows.
    socket.on('error', () => socket.destroy())
    socket.setNoDelay(true)
    readSecret(socket, secret => {
      const claim = oneOffs.claim(secret)
      if (!claim) {
        socket.destroy()
        return
      }

      // A record of its own: the CLI takes the first chunk, whatever is in it, for the greeting.
      socket.write('rendezvous\r\n', error => {
        if (error ?? socket.destroyed) claim.giveUp()
        else join(socket, claim, message => logs.of(claim.live.app).add('heroku', claim.live.name, message))
      })
    })
  })

  return {
    server,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Reads up to the first line end and leaves the rest in the socket, paused. */
function readSecret(socket: TLSSocket, then: (secret: string) => void): void {
  let head = Buffer.alloc(0)
  const onData = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\n')
    if (end < 0 && head.length <= LONGEST_SECRET) return
    socket.off('data', onData)
    socket.pause()
    if (end + 1 < head.length) socket.unshift(head.subarray(end + 1))
    then(head.subarray(0, Math.max(end, 0)).toString().trim())
  }

  socket.on('data', onData)
}

function join(socket: TLSSocket, {live, start, terminal}: Claim, tell: (message: string) => void): void {
  const {dyno, finished} = start()
  const marker = new ExitMarker(live.command)
  let ended = false
  socket.setTimeout(IDLE_MS, () => socket.destroy())
  socket.once('close', () => {
    if (ended) return
    tell('Client connection closed. Sending SIGHUP to all processes')
    dyno.hangup()
    // What the program still writes has no reader left, and must not block it.
    dyno.output.resume()
  })
  // The program may end without reading its input.
  dyno.input.on('error', () => dyno.input.destroy())
  dyno.output.on('data', (chunk: Buffer) => marker.watch(chunk))
  dyno.output.pipe(socket, {end: false})

  let connected = false
  const connect = (state: DynoState) => {
    if (connected || state === 'starting') return
    connected = true
    if (terminal) socket.pipe(dyno.input)
    else socket.pipe(endAtEot()).pipe(dyno.input)
  }

  dyno.onState(connect)
  connect(dyno.state)
  void finished.then(({status}) => {
    ended = true
    socket.end(marker.missing(status))
  })
}
