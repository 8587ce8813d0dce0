import {createHash} from 'node:crypto'

/** The id of a thing that is the same in every stand-in: a UUID made from its kind and name. */
export function namedId(kind: string, name: string): string {
  const hex = createHash('sha256').update(`${kind} ${name}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** `{id, name}`, as the API refers to a region, a stack or a size. */
export function reference(kind: string, name: string): {id: string; name: string} {
  return {id: namedId(kind, name), name}
}

/** Whether a client's name or id means that thing. */
export function isNamed(kind: string, name: string, given: string): boolean {
  return given === name || given === namedId(kind, name)
}
