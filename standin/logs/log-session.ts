import type {IncomingMessage, ServerResponse} from 'node:http'
import type {Log, LogFilter, LogLine} from './log.ts'
import {formatLine} from './log.ts'

export interface LogSession {
  log: Log
  filter: LogFilter
  lines: number
  tail: boolean
  expires: Date
}

/** What waits unsent for a client that reads too slowly, before lines are left out, as Logplex does (L11). */
const LARGEST_BACKLOG = 1024 * 1024

/** Sends a log as server-sent events to clients that ask for them, else as plain text. */
export function sendLog({log, filter, lines, tail}: LogSession, request: IncomingMessage, response: ServerResponse): void {
  const events = (request.headers.accept ?? '').includes('text/event-stream')
  response.writeHead(200, {
    'Content-Type': events ? 'text/event-stream' : 'text/plain; charset=utf-8', 'Cache-Control': 'no-cache',
  })
  response.flushHeaders()

  let dropped = 0
  const send = (line: LogLine) => {
    if (response.writableLength > LARGEST_BACKLOG) {
      dropped += 1
      return
    }

    if (dropped > 0) {
      const notice = {...line, source: 'heroku' as const, dyno: 'logplex', message: `Error L11 (Tail buffer overflow) -> This tail session dropped ${dropped} messages.`}
      dropped = 0
      response.write(encode(notice))
    }

    response.write(encode(line))
  }

  const encode = (line: LogLine) => events ? `id: ${line.id}\ndata: ${formatLine(line)}\n\n` : `${formatLine(line)}\n`

  // A client that reconnects says what it has, and gets what came after.
  const seen = Number(request.headers['last-event-id'] ?? 0)
  for (const line of log.last(lines, filter)) if (line.id > seen) send(line)
  if (!tail) {
    response.end()
    return
  }

  response.once('close', log.follow(filter, send))
}
