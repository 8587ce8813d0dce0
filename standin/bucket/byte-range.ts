import {S3Error} from './s3-error.ts'

export interface ByteRange {
  first: number
  /** inclusive; `first - 1` for an empty object */
  last: number
  partial: boolean
}

/** What a Range header asks of an object. One that is no single range of bytes is ignored, as by S3. */
export function parseRange(header: string | undefined, size: number): ByteRange {
  const whole = {first: 0, last: size - 1, partial: false}
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? []
  if (from === '' && to === '') {
    return whole
  }

  const first = from === '' ? Math.max(size - Number(to), 0) : Number(from)
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1)
  if (from !== '' && to !== '' && Number(to) < first) {
    return whole
  }

  if (first >= size || first > last) {
    throw new S3Error('InvalidRange', 'The requested range is not satisfiable', {RangeRequested: header ?? '', ActualObjectSize: String(size)})
  }

  return {first, last, partial: true}
}
