import {S3Error} from './s3-error.ts'

const KEPT = ['cache-control', 'content-disposition', 'content-language', 'content-type', 'expires']
const MAX_USER_METADATA = 2048

/** The headers of an upload that its object keeps and GET gives back. */
export function headersToKeep(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, string> = {'content-type': 'binary/octet-stream'}
  let userMetadata = 0
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('x-amz-meta-')) {
      userMetadata += name.length - 'x-amz-meta-'.length + value.length
      kept[name] = value
    } else if (KEPT.includes(name)) {
      kept[name] = value
    }
  }

  if (userMetadata > MAX_USER_METADATA) {
    throw new S3Error('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size', {
      Size: String(userMetadata), MaxSizeAllowed: String(MAX_USER_METADATA),
    })
  }

  // `aws-chunked` says how the body travelled, not what it is.
  const encoding = (headers['content-encoding'] ?? '').split(',').map(item => item.trim()).filter(item => item !== '' && item !== 'aws-chunked')
  return encoding.length > 0 ? {...kept, 'content-encoding': encoding.join(',')} : kept
}

const UNDERSTOOD = new Set([
  'x-amz-checksum-algorithm',
  'x-amz-checksum-mode',
  'x-amz-checksum-type',
  'x-amz-content-sha256',
  'x-amz-copy-source',
  'x-amz-copy-source-if-match',
  'x-amz-date',
  'x-amz-decoded-content-length',
  'x-amz-metadata-directive',
  'x-amz-sdk-checksum-algorithm',
  'x-amz-trailer',
  'x-amz-user-agent',
])

/** Refuses what this server would otherwise ignore: encryption, ACLs, copies, tags, … */
export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  if ('x-amz-security-token' in headers) {
    throw new S3Error('InvalidToken', 'The provided token is malformed or otherwise invalid.')
  }

  for (const name of Object.keys(headers)) {
    const understood = UNDERSTOOD.has(name) || name.startsWith('x-amz-meta-') || name.startsWith('x-amz-checksum-')
    if (name.startsWith('x-amz-') && !understood) {
      throw new S3Error('NotImplemented', 'A header you provided implies functionality that is not implemented', {Header: name})
    }
  }
}
