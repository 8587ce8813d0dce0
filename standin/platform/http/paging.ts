import type {Answer} from './route.ts'
import {ApiError} from './errors.ts'

const RANGE = /^(?<key>[\w-]+)\s+(?:(?<after>\])?(?<from>[^\s.;\]]+))?\.\.(?<to>[^\s;]*)\s*(?:;\s*(?<options>.*))?$/
const DEFAULT_MAX = 200
const LARGEST_MAX = 1000

/**
 * A page of a list as its `Range` header asks: `version 3..; order=desc,max=10`, or `]3..` to begin after 3.
 * 206 with `Next-Range` when there is more.
 * @param keys the fields by which the list can be asked for; the first is the default
 * @throws ApiError 416 for a header that names another field or is none
 */
export function page(items: readonly Readonly<Record<string, unknown>>[], range: string | undefined, keys: readonly string[]): Answer {
  const {key, after, from, to, order, max} = parseRange(range, keys)
  const compare = (a: unknown, b: unknown) => typeof a === 'number' ? a - Number(b) : String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0
  const direction = order === 'desc' ? -1 : 1
  const sorted = items.toSorted((a, b) => direction * compare(a[key], b[key])).filter(item => {
    const start = from === null ? 1 : direction * compare(item[key], from)
    const end = to === null ? -1 : direction * compare(item[key], to)
    return (after ? start > 0 : start >= 0) && end <= 0
  })
  const body = sorted.slice(0, max)
  const first = body[0]
  const last = body.at(-1)
  return {
    status: sorted.length > max ? 206 : 200,
    body,
    headers: {
      'Accept-Ranges': keys.join(', '),
      ...(first && last && {'Content-Range': `${key} ${String(first[key])}..${String(last[key])}`}),
      ...(last && sorted.length > max && {
        'Next-Range': `${key} ]${String(last[key])}..${to ?? ''}; max=${max}${order === 'desc' ? ', order=desc' : ''}`,
      }),
    },
  }
}

function parseRange(range: string | undefined, keys: readonly string[]) {
  const groups = RANGE.exec(range ?? `${keys[0] ?? 'id'} ..`)?.groups
  const key = groups?.['key'] ?? ''
  const options = (groups?.['options'] ?? '').split(/[,;]/).map(option => option.trim()).filter(Boolean)
    .map(option => /^(order|max)=(asc|desc|\d+)$/.exec(option))
  const order = options.find(option => option?.[1] === 'order')?.[2] ?? 'asc'
  const max = options.find(option => option?.[1] === 'max')?.[2] ?? String(DEFAULT_MAX)
  if (!groups || !keys.includes(key) || options.includes(null) || !/^(?:asc|desc)$/.test(order) || !(Number(max) >= 1)) {
    throw new ApiError(416, 'requested_range_not_satisfiable', `Invalid \`Range\` header. Please use one of: ${keys.join(', ')}.`)
  }

  return {key, after: Boolean(groups['after']), from: groups['from'] ?? null, to: groups['to'] || null, order, max: Math.min(Number(max), LARGEST_MAX)}
}
