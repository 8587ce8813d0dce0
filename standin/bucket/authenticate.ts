import {parsePayloadMode} from './payload-mode.ts'
import type {PayloadMode} from './payload-mode.ts'
import {S3Error} from './s3-error.ts'
import {parseClaim} from './signature-claim.ts'
import type {ChunkVerifier, SignatureVerifier, SignedRequest} from './signature-verifier.ts'

export interface Authenticated {
  /** With those that a presigned URL carries in its query, which count like any other. */
  headers: Readonly<Record<string, string>>
  mode: PayloadMode
  /** for bodies of signed chunks */
  chunks: ChunkVerifier
}

const SIGNATURE_PARAMETERS = ['x-amz-algorithm', 'x-amz-credential', 'x-amz-date', 'x-amz-expires', 'x-amz-signedheaders', 'x-amz-signature', 'x-amz-content-sha256']

/** Lets a request pass that is signed with our key, and nothing else: there is no anonymous access. */
export async function authenticate(request: SignedRequest, verifier: SignatureVerifier): Promise<Authenticated> {
  const {headers, query} = request
  const claim = parseClaim(headers, query)
  if (!claim) {
    throw new S3Error('AccessDenied', 'Access Denied')
  }

  const payloadHash = claim.via === 'header' ? headers['x-amz-content-sha256'] : query.get('X-Amz-Content-Sha256') ?? headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD'
  if (payloadHash === undefined) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256')
  }

  const mode = parsePayloadMode(payloadHash)
  await verifier.verify(request, claim, payloadHash)
  return {headers: claim.via === 'header' ? headers : {...hoistedHeaders(query), ...headers}, mode, chunks: verifier.chunkVerifier(claim)}
}

function hoistedHeaders(query: URLSearchParams): Record<string, string> {
  const hoisted = [...query].map(([name, value]) => [name.toLowerCase(), value] as const)
  return Object.fromEntries(hoisted.filter(([name]) => name.startsWith('x-amz-') && !SIGNATURE_PARAMETERS.includes(name)))
}
