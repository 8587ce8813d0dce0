import {timingSafeEqual} from 'node:crypto'
import {ApiError} from './errors.ts'

const MEDIA_TYPE = /^application\/vnd\.heroku\+json\s*;\s*version=3(\.[\w-]+)?$/

/** @throws ApiError 406 unless the header asks for version 3 of the API */
export function checkAccept(accept: string | undefined): void {
  if ((accept ?? '').split(',').some(type => MEDIA_TYPE.test(type.trim()))) return
  throw new ApiError(406, 'not_acceptable', 'set `Accept: application/vnd.heroku+json; version=3` header and try again')
}

/** @throws ApiError 401 unless the header carries the token, as a bearer or as the password of basic authentication */
export function checkToken(authorization: string | undefined, token: string): void {
  const [scheme, value = ''] = (authorization ?? '').split(' ', 2)
  const given = scheme?.toLowerCase() === 'basic' ? Buffer.from(value, 'base64').toString().replace(/^[^:]*:/, '') : value
  const wanted = Buffer.from(token)
  const candidate = Buffer.from(given)
  if (candidate.length === wanted.length && timingSafeEqual(candidate, wanted)) return
  throw new ApiError(401, 'unauthorized', 'Invalid credentials provided.')
}
