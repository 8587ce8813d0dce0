import {S3Error} from './s3-error.ts'

export interface RequestTarget {
  /** null: the service itself (`/`) */
  bucket: string | null
  /** null: the bucket itself */
  key: string | null
  /** The decoded path as it was sent, which is what gets signed. */
  path: string
  query: URLSearchParams
}

/** Below this name each bucket has a host of its own, as `BUCKET.s3.eu-west-1.amazonaws.com` on AWS. */
const VIRTUAL_HOST_SUFFIX = '.s3.localhost'

/**
 * Takes a request's target apart, path style (`/bucket/key`) or virtual-host style (`/key`, bucket in the host).
 * Nothing is normalised: to S3 `a//b` and `a/../b` are keys like any other.
 * @param url the target as it stands in the request line
 */
export function parseTarget(url: string, host: string): RequestTarget {
  const questionMark = url.indexOf('?')
  const path = decodePath(questionMark === -1 ? url : url.slice(0, questionMark))
  const query = new URLSearchParams(questionMark === -1 ? '' : url.slice(questionMark + 1))
  const hostname = host.replace(/:\d+$/, '').toLowerCase()

  if (hostname.endsWith(VIRTUAL_HOST_SUFFIX)) {
    return {bucket: hostname.slice(0, -VIRTUAL_HOST_SUFFIX.length), key: orNull(path.slice(1)), path, query}
  }

  const slash = path.indexOf('/', 1)
  return slash === -1
    ? {bucket: orNull(path.slice(1)), key: null, path, query}
    : {bucket: orNull(path.slice(1, slash)), key: orNull(path.slice(slash + 1)), path, query}
}

function decodePath(path: string): string {
  if (!path.startsWith('/')) {
    throw new S3Error('InvalidURI', `Couldn't parse the specified URI: ${path}`)
  }

  try {
    return decodeURIComponent(path)
  } catch {
    // Not UTF-8, or a % without two hexadecimal digits.
    throw new S3Error('InvalidURI', `Couldn't parse the specified URI: ${path}`)
  }
}

function orNull(text: string): string | null {
  return text === '' ? null : text
}
