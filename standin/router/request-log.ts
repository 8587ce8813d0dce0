import type {RouterCode} from './errors.ts'
import {describeCode} from './errors.ts'

export interface RequestRecord {
  code: RouterCode | null
  method: string
  path: string
  host: string
  requestId: string
  fwd: string
  dyno: string | null
  /** milliseconds */
  connect: number | null
  /** milliseconds */
  service: number | null
  status: number
  bytes: number | null
}

/** A line of `heroku[router]`. devcenter.heroku.com/articles/http-routing#heroku-router-log-format */
export function formatRequest({code, method, path, host, requestId, fwd, dyno, connect, service, status, bytes}: RequestRecord): string {
  const ms = (value: number | null) => value === null ? '' : `${Math.round(value)}ms`
  const blank = code === 'H80' || code === 'H81'
  return [
    code === null || blank ? 'at=info' : 'at=error',
    ...(code === null ? [] : [`code=${code}`, `desc="${describeCode(code)}"`]),
    `method=${method}`, `path=${JSON.stringify(path)}`, `host=${host}`, `request_id=${requestId}`, `fwd="${fwd}"`,
    `dyno=${dyno ?? ''}`, `connect=${ms(connect)}`, `service=${ms(service)}`, `status=${status}`, `bytes=${bytes ?? ''}`, 'protocol=http',
  ].join(' ')
}
