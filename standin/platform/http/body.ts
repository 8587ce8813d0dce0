import {ApiError, invalid} from './errors.ts'

/** A JSON request body whose fields are read by name and kind; what nobody reads is refused, as a misspelt field should be. */
export class Body {
  readonly #fields: Readonly<Record<string, unknown>>

  /** @throws ApiError 422 for anything but an object with these keys */
  constructor(body: unknown, keys: readonly string[]) {
    this.#fields = record(body, 'The request body')
    const unknown = Object.keys(this.#fields).filter(key => !keys.includes(key))
    if (unknown.length > 0) throw invalid(`Unrecognized parameter(s): ${unknown.join(', ')}.`)
  }

  has(key: string): boolean {
    return this.#fields[key] !== undefined
  }

  value(key: string): unknown {
    return this.#fields[key]
  }

  string(key: string): string | null {
    return this.#read(key, (value): value is string => typeof value === 'string', 'a string')
  }

  boolean(key: string): boolean | null {
    return this.#read(key, (value): value is boolean => typeof value === 'boolean', 'true or false')
  }

  /** An integer within the bounds. */
  integer(key: string, min: number, max: number): number | null {
    const inside = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= min && Number(value) <= max
    return this.#read(key, inside, `an integer from ${min} to ${max}`)
  }

  oneOf<const T extends string>(key: string, values: readonly T[]): T | null {
    return this.#read(key, (value): value is T => values.some(known => known === value), values.join(' or '))
  }

  /** An object whose values are strings, or what `also` lets through. */
  map<T = never>(key: string, also?: (value: unknown) => value is T): Record<string, T | string> | null {
    const value = this.#fields[key]
    if (value === undefined || value === null) return null
    return stringMap(value, key, also)
  }

  list(key: string): unknown[] {
    const value = this.#fields[key]
    if (!Array.isArray(value)) throw invalid(`${key} is invalid, it must be a list.`)
    return value
  }

  required<T>(key: string, value: T | null): T {
    if (value === null) throw new ApiError(422, 'invalid_params', `${key} is required.`, {field: key})
    return value
  }

  #read<T>(key: string, is: (value: unknown) => value is T, kind: string): T | null {
    const value = this.#fields[key]
    if (value === undefined || value === null) return null
    if (!is(value)) throw new ApiError(422, 'invalid_params', `${key} is invalid, it must be ${kind}.`, {field: key})
    return value
  }
}

/** @throws ApiError 422 unless it is an object */
export function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(`${name} is invalid, it must be an object.`)
  return value as Record<string, unknown>
}

/** @throws ApiError 422 unless it is an object whose values are strings, or what `also` lets through */
export function stringMap<T = never>(
  value: unknown, name: string, also?: (value: unknown) => value is T,
): Record<string, T | string> {
  const map = record(value, name)
  for (const [key, entry] of Object.entries(map)) {
    if (typeof entry !== 'string' && !also?.(entry)) throw invalid(`${name} is invalid: the value of ${key} must be a string.`)
  }

  return map as Record<string, T | string>
}
