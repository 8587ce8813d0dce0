import {S3Error} from './s3-error.ts'

/** Under what a write may replace what is there. */
export type WriteCondition = {kind: 'absent'} | {kind: 'always'} | {kind: 'etag'; etag: string}

interface Version {
  /** without quotes */
  etag: string
  modifiedAt: Date
}

type Headers = Readonly<Record<string, string>>

/** The condition of a PUT or CompleteMultipartUpload, of the two kinds that S3 knows for writes. */
export function parseWriteCondition(headers: Headers): WriteCondition {
  const {'if-none-match': ifNoneMatch, 'if-match': ifMatch} = headers
  if (ifNoneMatch === undefined) {
    return ifMatch === undefined ? {kind: 'always'} : {kind: 'etag', etag: unquote(ifMatch)}
  }

  if (ifNoneMatch !== '*' || ifMatch !== undefined) {
    throw new S3Error('NotImplemented', 'A header you provided implies functionality that is not implemented', {
      Header: ifMatch === undefined ? 'If-None-Match' : 'If-Match',
    })
  }

  return {kind: 'absent'}
}

/**
 * Throws when the condition does not hold for what is there now.
 * @param conflict the object was deleted between the request's start and its end; a condition on it then has
 *   no answer, and S3 asks the client to try again
 */
export function checkWrite(condition: WriteCondition, current: Pick<Version, 'etag'> | undefined, {conflict, key}: {conflict: boolean; key: string}): void {
  if (condition.kind === 'always' || (condition.kind === 'etag' && current?.etag === condition.etag)) {
    return
  }

  if (current) {
    throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
      Condition: condition.kind === 'absent' ? 'If-None-Match' : 'If-Match',
    })
  }

  if (conflict) {
    throw new S3Error('ConditionalRequestConflict', 'The conditional request cannot succeed due to a conflicting operation against this resource.', {Key: key})
  }

  if (condition.kind === 'etag') {
    throw new S3Error('NoSuchKey', 'The specified key does not exist.', {Key: key})
  }
}

/** What a conditional GET or HEAD gets: the order of conditions is RFC 9110's, which S3 follows. */
export function decideRead(headers: Headers, {etag, modifiedAt}: Version): 'not-modified' | 'send' {
  const {'if-match': ifMatch, 'if-none-match': ifNoneMatch} = headers
  const seconds = Math.floor(modifiedAt.getTime() / 1000) * 1000
  const unmodifiedSince = parseDate(headers['if-unmodified-since'])
  const modifiedSince = parseDate(headers['if-modified-since'])

  if (ifMatch === undefined ? unmodifiedSince !== null && seconds > unmodifiedSince : !names(ifMatch, etag)) {
    throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
      Condition: ifMatch === undefined ? 'If-Unmodified-Since' : 'If-Match',
    })
  }

  const unchanged = ifNoneMatch === undefined ? modifiedSince !== null && seconds <= modifiedSince : names(ifNoneMatch, etag)
  return unchanged ? 'not-modified' : 'send'
}

function names(list: string, etag: string): boolean {
  return list.trim() === '*' || list.split(',').some(item => unquote(item) === etag)
}

function unquote(etag: string): string {
  return etag.trim().replace(/^W\//, '').replace(/^"(.*)"$/, '$1')
}

function parseDate(text: string | undefined): number | null {
  const time = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(time) ? null : time
}
