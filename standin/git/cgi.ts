import {once} from 'node:events'
import type {Readable} from 'node:stream'

export interface CgiHead {
  status: number
  headers: Record<string, string>
  /** what of the body came with it */
  rest: Buffer
}

/** Reads the header that a CGI program prints before its body (RFC 3875, 6.3). @throws Error where it ends before that */
export async function readCgiHead(output: Readable): Promise<CgiHead> {
  let head = Buffer.alloc(0)
  for (;;) {
    const chunk = output.read() as Buffer | null
    if (chunk) head = Buffer.concat([head, chunk])
    const end = /\r?\n\r?\n/.exec(head.toString('latin1'))
    if (end) return {...parse(head.subarray(0, end.index).toString('latin1')), rest: head.subarray(end.index + end[0].length)}
    if (output.readableEnded || output.destroyed) throw new Error('git http-backend ended without an answer')
    if (!chunk) await Promise.race([once(output, 'readable'), once(output, 'end')])
  }
}

function parse(head: string): {status: number; headers: Record<string, string>} {
  const fields = head.split(/\r?\n/).map(line => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const
  })
  const status = fields.find(([name]) => name.toLowerCase() === 'status')?.[1]
  return {
    status: status === undefined ? 200 : Number.parseInt(status, 10),
    headers: Object.fromEntries(fields.filter(([name]) => name !== '' && name.toLowerCase() !== 'status')),
  }
}
