import type {ByteString} from '../slug/byte-string.ts'
import type {Rule, Rules} from './rules.ts'
import {compilePattern, wildmatch, wildmatchAfterAnySlash} from './wildmatch.ts'

/** What the first rule that matches says; without one everything is kept. */
export interface Decision {
  kept: boolean
  rule: Rule | null
}

export interface Filter {
  /**
   * Decides about one thing by its own path alone: whoever walks the tree must not go into a directory that is not kept.
   * @param path relative to the transfer root, without a slash at either end
   */
  decide: (path: ByteString, isDirectory: boolean) => Decision
}

type Matcher = (path: string, name: string, isDirectory: boolean) => boolean

/** Builds the matcher of a `.slugexclude` once, for any number of paths. */
export function createFilter({rules}: Pick<Rules, 'rules'>): Filter {
  const matchers = rules.map(rule => compileRule(rule))
  const decisions = rules.map(rule => Object.freeze({kept: rule.include, rule}))
  const unmatched: Decision = Object.freeze({kept: true, rule: null})

  return {
    decide(path, isDirectory) {
      const name = path.slice(path.lastIndexOf('/') + 1)
      for (let index = 0; index < matchers.length; index++) {
        if (matchers[index]?.(path, name, isDirectory)) return decisions[index] ?? unmatched
      }

      return unmatched
    },
  }
}

function compileRule(rule: Rule): Matcher {
  const matcher = compileSubject(rule)
  const mayMatch = compileTail(rule)
  if (rule.directoryOnly) return (path, name, isDirectory) => isDirectory && mayMatch(path) && matcher(path, name, true)
  return (path, name, isDirectory) => mayMatch(path) && matcher(path, name, isDirectory)
}

/** Whatever a pattern is held against, it has to match up to the end: most paths are ruled out by their last letters. */
function compileTail({pattern}: Rule): (path: string) => boolean {
  const wild = Math.max(...['*', '?', '[', ']', '\\'].map(special => pattern.lastIndexOf(special)))
  const tail = pattern.slice(wild + 1)
  if (wild === -1 || tail === '') return () => true
  // Some patterns are held against the path with a slash before it.
  const whole = tail.startsWith('/') ? tail.slice(1) : null
  return path => path.endsWith(tail) || path === whole
}

/** Which part of the path a pattern is held against (rsync's exclude.c, rule_matches). */
function compileSubject({pattern}: Rule): Matcher {
  const slashes = pattern.split('/').length - 1
  const crossesSlashes = pattern.includes('**')
  const anchored = pattern.startsWith('/')
  const bare = anchored ? (pattern.slice(1) as ByteString) : pattern

  if (!/[*?[]/.test(pattern)) {
    // A backslash is an ordinary character where there is no wildcard.
    if (slashes === 0) return (_path, name) => name === pattern
    if (anchored) return path => path === bare
    const tail = `/${pattern}`
    return path => path === pattern || path.endsWith(tail)
  }

  if (!crossesSlashes) {
    if (slashes === 0) return compileName(pattern)
    const compiled = compilePattern(bare)
    if (anchored) return path => wildmatch(compiled, path)
    return path => {
      const start = startOfLastNames(path, slashes + 1)
      return start !== -1 && wildmatch(compiled, path, start)
    }
  }

  const compiled = compilePattern(bare)
  // `dir/***` matches the directory too: rsync holds it against the path with a slash at its end.
  const closing = pattern.endsWith('***')
  const subject = (path: string, isDirectory: boolean) => (closing && isDirectory ? `${path}/` : path)
  if (anchored) return (path, _name, isDirectory) => wildmatch(compiled, subject(path, isDirectory))
  // `**/` at the start matches at the top as well: rsync puts a slash before the path.
  if (pattern.startsWith('**')) return (path, _name, isDirectory) => wildmatch(compiled, `/${subject(path, isDirectory)}`)
  return (path, _name, isDirectory) => wildmatchAfterAnySlash(compiled, subject(path, isDirectory))
}

/** Patterns like `*.a` are most of what people write, and need no general matcher. */
function compileName(pattern: ByteString): Matcher {
  const rest = pattern.slice(1)
  if (pattern.startsWith('*') && !/[*?[\\]/.test(rest)) return (_path, name) => name.endsWith(rest)
  const compiled = compilePattern(pattern)
  return (_path, name) => wildmatch(compiled, name)
}

/** @returns where the last `count` names begin, -1 if there are not so many */
function startOfLastNames(path: string, count: number): number {
  let slash = path.length
  for (let names = 0; names < count; names++) {
    if (slash < 0) return -1
    slash = slash === 0 ? -1 : path.lastIndexOf('/', slash - 1)
  }

  return slash + 1
}
