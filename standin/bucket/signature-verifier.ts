import {Sha256} from '@aws-crypto/sha256-js'
import {SignatureV4, createScope, getCanonicalHeaders} from '@smithy/signature-v4'
import {createHash, timingSafeEqual} from 'node:crypto'
import type {Credentials} from './contract.ts'
import {S3Error} from './s3-error.ts'
import type {SignatureClaim} from './signature-claim.ts'

export interface SignedRequest {
  method: string
  /** decoded, as sent */
  path: string
  query: URLSearchParams
  /** lower-case names */
  headers: Readonly<Record<string, string>>
}

/** Signs the pieces of a streamed body, each over the one before it, beginning with the request's signature. */
export interface ChunkVerifier {
  /** @param sha256 hex digest of the chunk's data */
  verifyChunk(sha256: string, signature: string): Promise<void>
  /** @param trailer `name:value\n` for each trailing header */
  verifyTrailer(trailer: string, signature: string): Promise<void>
}

const SKEW_MS = 15 * 60 * 1000
const EMPTY_SHA256 = createHash('sha256').digest('hex')

/**
 * Verifies requests with the library that AWS's own SDK signs them with: what is ours is only which parts of
 * the request go in. It offers no verification, but its protected steps are the ones that one needs.
 */
export class SignatureVerifier extends SignatureV4 {
  readonly #key: string
  readonly #region: string
  readonly #clock: () => Date

  constructor({credentials, region, clock}: {credentials: Credentials; region: string; clock: () => Date}) {
    super({
      credentials: {accessKeyId: credentials.key, secretAccessKey: credentials.secret},
      region,
      service: 's3',
      sha256: Sha256,
      uriEscapePath: false,
    })
    this.#key = credentials.key
    this.#region = region
    this.#clock = clock
  }

  /** Throws the S3Error that AWS answers with unless the claim holds for the request. */
  async verify(request: SignedRequest, claim: SignatureClaim, payloadHash: string): Promise<void> {
    if (claim.key !== this.#key) {
      throw new S3Error('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.', {AWSAccessKeyId: claim.key})
    }

    this.#checkRegion(claim)
    this.#checkTime(claim)
    checkSignedHeaders(request, claim)

    const canonicalRequest = this.createCanonicalRequest({
      method: request.method,
      protocol: 'http:',
      hostname: '',
      path: canonicalPath(request.path),
      query: queryWithoutSignature(request.query),
      headers: {},
    }, signedHeaders(request, claim), payloadHash)
    const stringToSign = await this.createStringToSign(claim.timestamp, this.#scope(claim), canonicalRequest, 'AWS4-HMAC-SHA256')
    await this.#check(stringToSign, claim, claim.signature)
  }

  chunkVerifier(claim: SignatureClaim): ChunkVerifier {
    let previous = claim.signature
    const verify = async (kind: string, digests: string[], signature: string) => {
      await this.#check([`AWS4-HMAC-SHA256-${kind}`, claim.timestamp, this.#scope(claim), previous, ...digests].join('\n'), claim, signature)
      previous = signature
    }

    return {
      verifyChunk: (sha256, signature) => verify('PAYLOAD', [EMPTY_SHA256, sha256], signature),
      verifyTrailer: (trailer, signature) => verify('TRAILER', [createHash('sha256').update(trailer).digest('hex')], signature),
    }
  }

  #checkRegion({region, via}: SignatureClaim): void {
    if (region === this.#region) {
      return
    }

    const reason = `the region '${region}' is wrong; expecting '${this.#region}'`
    throw via === 'header'
      ? new S3Error('AuthorizationHeaderMalformed', `The authorization header is malformed; ${reason}`, {Region: this.#region})
      : new S3Error('AuthorizationQueryParametersError', `Error parsing the X-Amz-Credential parameter; ${reason}`, {Region: this.#region})
  }

  #checkTime({date, timestamp, expiresIn}: SignatureClaim): void {
    const now = this.#clock()
    const age = now.getTime() - date.getTime()
    if (expiresIn === null && Math.abs(age) > SKEW_MS) {
      throw new S3Error('RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.', {
        RequestTime: timestamp, ServerTime: now.toISOString(), MaxAllowedSkewMilliseconds: String(SKEW_MS),
      })
    }

    if (expiresIn !== null && age < -SKEW_MS) {
      throw new S3Error('AccessDenied', 'Request is not valid yet', {ServerTime: now.toISOString()})
    }

    if (expiresIn !== null && age >= expiresIn * 1000) {
      throw new S3Error('AccessDenied', 'Request has expired', {
        'X-Amz-Expires': String(expiresIn), Expires: new Date(date.getTime() + expiresIn * 1000).toISOString(), ServerTime: now.toISOString(),
      })
    }
  }

  #scope({day, region}: SignatureClaim): string {
    return createScope(day, region, 's3')
  }

  async #check(stringToSign: string, claim: SignatureClaim, signature: string): Promise<void> {
    const expected = await this.sign(stringToSign, {signingDate: claim.date})
    if (signature.length !== expected.length || !timingSafeEqual(Buffer.from(signature), Buffer.from(expected))) {
      throw new S3Error('SignatureDoesNotMatch', 'The request signature we calculated does not match the signature you provided. Check your key and signing method.', {
        AWSAccessKeyId: claim.key, StringToSign: stringToSign, SignatureProvided: signature,
      })
    }
  }
}

/** A header that changes what a request means must not be one that a bystander could have added. */
function checkSignedHeaders({headers}: SignedRequest, {signedHeaders: signed}: SignatureClaim): void {
  const unsigned = Object.keys(headers).filter(name => (name === 'host' || name.startsWith('x-amz-')) && !signed.includes(name))
  if (unsigned.length > 0) {
    throw new S3Error('AccessDenied', 'There were headers present in the request which were not signed', {HeadersNotSigned: unsigned.join(', ')})
  }
}

function signedHeaders({headers}: SignedRequest, {signedHeaders: signed}: SignatureClaim): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const name of signed) {
    const value = headers[name]
    if (value !== undefined) {
      // Node reads header bytes as Latin-1; clients sign them as UTF-8.
      picked[name] = Buffer.from(value, 'latin1').toString()
    }
  }

  return getCanonicalHeaders({headers: picked, method: '', protocol: '', hostname: '', path: ''}, undefined, new Set(signed))
}

/** S3 signs the path encoded once, whatever the client left unencoded on the wire. */
function canonicalPath(path: string): string {
  return path.split('/').map(encodeRfc3986).join('/')
}

export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}

function queryWithoutSignature(query: URLSearchParams): Record<string, string | string[]> {
  const result: Record<string, string | string[]> = {}
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name)
    result[name] = values.length === 1 ? values[0] ?? '' : values
  }

  return result
}
