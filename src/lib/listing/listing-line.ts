import type {ByteString} from '../slug/byte-string.ts'
import {fromJsonText, toJsonText} from './json-text.ts'
import {FILE_CONTENTS, NEED_KINDS, type FileContent, type ListedFile, type Need, type NeedKind} from './listed-file.ts'

/** A line of `files.jsonl`, its end included. What is false or empty is left out. */
export function formatLine(listed: ListedFile): string {
  return `${JSON.stringify({
    path: toJsonText(listed.path),
    kind: listed.kind,
    ...(listed.kind === 'file' && {size: listed.size, what: listed.what}),
    ...(listed.kind === 'file' && listed.executable && {executable: true}),
    ...(listed.kind === 'file' && listed.soname !== undefined && {soname: toJsonText(listed.soname)}),
    ...(listed.kind === 'symlink' && {target: toJsonText(listed.target)}),
    packed: listed.packed,
    ...(listed.needs.length > 0 && {needs: listed.needs.map(need => formatNeed(need))}),
  })}\n`
}

function formatNeed({how, to, through, or, name, offset}: Need): object {
  return {
    how,
    to: to === null ? null : toJsonText(to),
    ...(through !== undefined && {through: through.map(path => toJsonText(path))}),
    ...(or !== undefined && {or: or.map(path => toJsonText(path))}),
    ...(name !== undefined && {name: toJsonText(name)}),
    ...(offset !== undefined && {offset}),
  }
}

/** Why a line is none. `old`: one of an older version's, which knew no needs. */
export class BadLine extends Error {
  readonly old: boolean

  constructor(message: string, {old = false} = {}) {
    super(message)
    this.old = old
  }
}

const MAX_PATH = 4096
const MAX_NEEDS = 100_000
const MAX_LINKS = 64
const NO_NEEDS: readonly Need[] = Object.freeze([])

/**
 * Reads a line. Written by hand: a closure has a hundred thousand of them, and a schema takes ten times as long.
 * @throws BadLine
 */
export function parseLine(line: string): ListedFile {
  const fields = parseObject(line)
  if (fields['packed'] === undefined && typeof fields['path'] === 'string') throw new BadLine('it has no "packed"', {old: true})
  const base = {path: pathIn(fields, 'path'), packed: countIn(fields, 'packed'), needs: needsIn(fields['needs'])}
  switch (fields['kind']) {
    case 'directory':
      return {...base, kind: 'directory'}
    case 'file':
      return {
        ...base, kind: 'file', size: countIn(fields, 'size'), what: oneOf<FileContent>(FILE_CONTENTS, fields['what'], 'what'),
        executable: fields['executable'] === true, ...(fields['soname'] !== undefined && {soname: bytesIn(fields, 'soname')}),
      }
    case 'symlink':
      return {...base, kind: 'symlink', target: bytesIn(fields, 'target')}
    default:
      throw new BadLine('its "kind" is not known')
  }
}

type Fields = Readonly<Record<string, unknown>>

function parseObject(line: string): Fields {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new BadLine('it is not JSON')
  }

  return asFields(value)
}

function asFields(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadLine('it is not an object')
  return value as Fields
}

function needsIn(value: unknown): readonly Need[] {
  if (value === undefined) return NO_NEEDS
  return listOf(value, 'needs', MAX_NEEDS).map(item => {
    const fields = asFields(item)
    return {
      how: oneOf<NeedKind>(NEED_KINDS, fields['how'], 'how'),
      to: fields['to'] === null ? null : pathIn(fields, 'to'),
      ...(fields['through'] !== undefined && {through: pathsIn(fields['through'], 'through')}),
      ...(fields['or'] !== undefined && {or: pathsIn(fields['or'], 'or')}),
      ...(fields['name'] !== undefined && {name: bytesIn(fields, 'name')}),
      ...(fields['offset'] !== undefined && {offset: countIn(fields, 'offset')}),
    }
  })
}

function oneOf<T extends string>(values: readonly T[], value: unknown, name: string): T {
  const found = values.find(one => one === value)
  if (found === undefined) throw new BadLine(`its "${name}" is not known`)
  return found
}

function listOf(value: unknown, name: string, most: number): unknown[] {
  if (!Array.isArray(value) || value.length > most) throw new BadLine(`its "${name}" is not a list of at most ${most}`)
  return value
}

function pathsIn(value: unknown, name: string): ByteString[] {
  return listOf(value, name, MAX_LINKS).map(path => asPath(path, name))
}

function countIn(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new BadLine(`its "${name}" is not a number of bytes`)
  return value
}

function pathIn(fields: Fields, name: string): ByteString {
  return asPath(fields[name], name)
}

/** Nothing that would lead out of the store, or that two paths could be written as. */
function asPath(value: unknown, name: string): ByteString {
  const path = asBytes(value, name)
  if (path === '' || `/${path}/`.includes('//') || /(^|\/)\.\.?(\/|$)/.test(path)) throw new BadLine(`its "${name}" is not a path in a store`)
  return path
}

function bytesIn(fields: Fields, name: string): ByteString {
  return asBytes(fields[name], name)
}

function asBytes(value: unknown, name: string): ByteString {
  const bytes = typeof value === 'string' && value.length <= MAX_PATH ? fromJsonText(value) : null
  if (bytes === null || bytes.includes('\0')) throw new BadLine(`its "${name}" is not a text of at most ${MAX_PATH} characters`)
  return bytes
}
