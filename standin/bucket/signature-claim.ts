import {S3Error} from './s3-error.ts'

/** What a request says about its own signature: who signed what, when and where. Nothing of it is verified yet. */
export interface SignatureClaim {
  via: 'header' | 'query'
  key: string
  /** `20261123`, from the credential scope */
  day: string
  region: string
  /** lower case, as the client ordered them */
  signedHeaders: readonly string[]
  /** 64 hexadecimal digits */
  signature: string
  /** `20261123T093100Z` as sent */
  timestamp: string
  date: Date
  /** seconds; null for a request signed in its header */
  expiresIn: number | null
}

const ALGORITHM = 'AWS4-HMAC-SHA256'
const MAX_EXPIRY = 7 * 24 * 3600

/** Reads the claim of a request; null when it is anonymous. */
export function parseClaim(headers: Readonly<Record<string, string>>, query: URLSearchParams): SignatureClaim | null {
  const {authorization} = headers
  const presigned = query.has('X-Amz-Algorithm') || query.has('X-Amz-Signature') || query.has('AWSAccessKeyId')
  if (authorization !== undefined && presigned) {
    throw new S3Error('InvalidArgument', 'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified')
  }

  if (authorization !== undefined) {
    return claimOfHeader(authorization, headers)
  }

  return presigned ? claimOfQuery(query) : null
}

function claimOfHeader(authorization: string, headers: Readonly<Record<string, string>>): SignatureClaim {
  if (!authorization.startsWith(`${ALGORITHM} `)) {
    throw new S3Error('InvalidRequest', `The authorization mechanism you have provided is not supported. Please use ${ALGORITHM}.`)
  }

  const fields = /^AWS4-HMAC-SHA256 +Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature=([\da-f]{64})$/.exec(authorization)
  const [, credential = '', signedHeaders = '', signature = ''] = fields ?? []
  const malformed = (reason: string) => new S3Error('AuthorizationHeaderMalformed', `The authorization header is malformed; ${reason}`)
  if (!fields) {
    throw malformed('it must have Credential, SignedHeaders and Signature.')
  }

  const timestamp = headers['x-amz-date']
  const date = timestamp === undefined ? null : parseTimestamp(timestamp)
  if (timestamp === undefined || !date) {
    throw new S3Error('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header')
  }

  return {via: 'header', ...parseScope(credential, timestamp, malformed), signedHeaders: signedHeaders.split(';'), signature, timestamp, date, expiresIn: null}
}

function claimOfQuery(query: URLSearchParams): SignatureClaim {
  const malformed = (reason: string) => new S3Error('AuthorizationQueryParametersError', reason)
  if (query.get('X-Amz-Algorithm') !== ALGORITHM) {
    throw malformed(`X-Amz-Algorithm only supports "${ALGORITHM}"`)
  }

  const [credential, timestamp, expires, signedHeaders, signature] =
    ['X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires', 'X-Amz-SignedHeaders', 'X-Amz-Signature'].map(name => query.get(name) ?? '')
  if (!credential || !timestamp || !expires || !signedHeaders || !signature) {
    throw malformed('Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.')
  }

  const date = parseTimestamp(timestamp)
  if (!date) {
    throw malformed('X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd\'T\'HHmmss\'Z\'"')
  }

  if (!/^\d+$/.test(expires) || Number(expires) > MAX_EXPIRY) {
    throw malformed('X-Amz-Expires must be a number of seconds, less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds')
  }

  const scope = parseScope(credential, timestamp, reason => malformed(`Error parsing the X-Amz-Credential parameter; ${reason}`))
  return {via: 'query', ...scope, signedHeaders: signedHeaders.split(';'), signature, timestamp, date, expiresIn: Number(expires)}
}

/** `KEY/20261123/eu-west-1/s3/aws4_request`; a key may hold slashes itself. */
function parseScope(credential: string, timestamp: string, malformed: (reason: string) => S3Error): Pick<SignatureClaim, 'day' | 'key' | 'region'> {
  const parts = credential.split('/')
  const [day = '', region = '', service, terminator] = parts.slice(-4)
  const key = parts.slice(0, -4).join('/')
  if (!key) {
    throw malformed('the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".')
  }

  if (day !== timestamp.slice(0, 8)) {
    throw malformed(`Invalid credential date "${day}". This date is not the same as X-Amz-Date: "${timestamp.slice(0, 8)}".`)
  }

  if (service !== 's3') {
    throw malformed(`incorrect service "${service ?? ''}". This endpoint belongs to "s3".`)
  }

  if (terminator !== 'aws4_request') {
    throw malformed(`incorrect terminal "${terminator ?? ''}". This endpoint uses "aws4_request".`)
  }

  return {key, day, region}
}

function parseTimestamp(timestamp: string): Date | null {
  const fields = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(timestamp)
  const date = fields ? new Date(timestamp.replace(/^(....)(..)(..T..)(..)/, '$1-$2-$3:$4:')) : null
  return date && !Number.isNaN(date.getTime()) ? date : null
}
