import fc, {type Arbitrary} from 'fast-check'
import {fromText, type ByteString} from '../../../src/lib/slug/byte-string.ts'
import type {Tree} from './rsync.ts'

/** Few and alike, so that rules meet them; some are what a pattern is made of, and two are not UTF-8 or not ASCII. */
const NAMES = [
  'a', 'b', 'ab', 'ba', 'c', 'abc', 'aab', 'a.c', 'b.so', 'c.so.1', 'A', '1', 'a1', '-', 'a-b', '!a', '^', ']', 'a]', '[a]', '[', '*', '**', '?',
  'a\\b', '\\', 'a b', ' a', 'a ', '.a', ';a', 'store', '+ a', 'é',
].map(name => fromText(name)).concat('\xff' as ByteString, 'a\x80' as ByteString)

const name = fc.constantFrom(...NAMES)

/** A path of up to five names, with its kind: file, directory, symbolic link. */
const treePath = fc.tuple(
  fc.array(fc.oneof({weight: 4, arbitrary: fc.constantFrom(...NAMES.slice(0, 4))}, {weight: 3, arbitrary: name}), {minLength: 1, maxLength: 5}),
  fc.constantFrom('', '', '', '/', '@'),
).map(([names, kind]) => (names.join('/') + kind) as ByteString)

export const tree: Arbitrary<Tree> = fc.array(treePath, {minLength: 1, maxLength: 30}).map(paths => consistent(paths))

/** A name that one path uses as a directory cannot be a file in another. */
function consistent(paths: ByteString[]): Tree {
  const bare = (path: string) => path.replace(/[/@]$/, '')
  const kept = new Map<string, ByteString>()
  for (const path of paths) {
    const clash = [...kept.keys()].some(other => other === bare(path)
      || (bare(path).startsWith(`${other}/`) && !kept.get(other)?.endsWith('/'))
      || (other.startsWith(`${bare(path)}/`) && !path.endsWith('/')))
    if (!clash) kept.set(bare(path), path)
  }

  return [...kept.values()]
}

const set = fc.oneof(
  fc.constantFrom(
    '[ab]', '[!a]', '[^a]', '[a-c]', '[a-]', '[-a]', '[]a]', '[!]a]', '[[:alpha:]]', '[![:digit:]]', '[[:space:]a]', '[[:punct:]]', '[[:upper:]-z]',
    '[[:nonsense:]]', '[[:alpha]', '[[a]', '[\\]]', '[\\a-c]', '[a-\\c]', '[c-a]', '[\\', '[', '[!', '[a', '[/]', '[!/]', '[.-1]', '[\x7f-\xff]',
    '[[:cntrl:]]', '[[:graph:]]', '[[:print:]]', '[[:xdigit:]]', '[[:alnum:]]', '[[:lower:]]', '[[:blank:]]', '[a-c-e]', '[[:]]', '[[::]]',
  ),
  fc.array(fc.constantFrom('a', 'b', '-', ']', '[', '^', '!', '\\', ':', '[:alpha:]', '1', '/'), {maxLength: 5}).map(parts => `[${parts.join('')}]`),
)

const token = fc.oneof(
  {weight: 8, arbitrary: name},
  {weight: 8, arbitrary: fc.constant('/')},
  {weight: 8, arbitrary: fc.constantFrom('*', '*', '**', '***', '?', '*.so*', '*a', 'a*')},
  {weight: 3, arbitrary: set},
  {weight: 2, arbitrary: fc.constantFrom('\\', '\\*', '\\a', '\\\\', '\\[', '\\/')},
  {weight: 1, arbitrary: fc.constantFrom('.', '..', '!', ' ', '#', ';', '\t', '\0', 'é', '\xc3')},
)

const freePattern = fc.tuple(
  fc.constantFrom('', '', '', '/', '**/', '*/'),
  fc.array(token, {minLength: 1, maxLength: 6}),
  fc.constantFrom('', '', '', '', '/', '//', '/*', '/**', '/***', '***'),
).map(parts => parts.flat().join(''))

/** Little else than wildcards between two letters: what one star gives up, another may find. */
const densePattern = fc.array(fc.constantFrom('a', 'b', 'a', 'b', '/', '*', '*', '**', '?'), {minLength: 2, maxLength: 9}).map(parts => parts.join(''))

/** A pattern made from a path of the tree: some names left out, one a wildcard, the first perhaps cut off. */
function patternLike(paths: Tree): Arbitrary<string> {
  return fc.tuple(
    fc.constantFrom(...paths), fc.nat(9), fc.constantFrom('*', '**', '?', '[a-c]*', '*?', '\\a', '***', '', 'a', 'b'),
    fc.nat(4), fc.nat(2), fc.constantFrom('', '', '/', '**/', '**'), fc.constantFrom('', '', '/', '/*', '/**', '/***', '*'),
  ).map(([path, at, wildcard, from, cut, prefix, suffix]) => {
    const names = path.replace(/[/@]$/, '').split('/')
    if (at < names.length) names[at] = wildcard
    return prefix + names.slice(Math.min(from, names.length - 1)).join('/').slice(cut) + suffix
  })
}

const oddLine = fc.constantFrom('!', '!', '! ', '!a', '# a', '; a', '#', ';', '', ' ', '-', '+', '- !', '-a', '+,a', '-! a', '- - a', '+\ta', '- ', '+ ')

function rule(paths: Tree): Arbitrary<string> {
  return fc.oneof(
    {weight: 30, arbitrary: fc.tuple(
      fc.constantFrom('- ', '- ', '+ ', '+ ', ''),
      fc.oneof(freePattern, densePattern, patternLike(paths), fc.constantFrom('*', '*/', '**', '*/**', 'a/***', '/*', '/*/', '*/*')),
    ).map(parts => parts.join(''))},
    {weight: 2, arbitrary: oddLine},
  )
}

/** A class, or what looks like one, perhaps between other characters. */
export const classPattern: Arbitrary<string> = fc.tuple(
  fc.constantFrom('', '', '', '*', '\\'), fc.oneof(set, fc.array(
    fc.constantFrom('a', 'e', 'z', 'A', '0', '9', '-', '-', '-', ']', '[', '^', '!', '\\', ':', '[:alpha:]', '[:digit:]', '[:space:]', '[:upper:]', '[:x:]', '\x80', '\xff'),
    {minLength: 1, maxLength: 6},
  ).map(parts => `[${parts.join('')}]`)), fc.constantFrom('', '', '', '*', ']', '-'),
).map(parts => parts.join(''))

/** The bytes of a `.slugexclude`. */
export function rules(paths: Tree): Arbitrary<ByteString> {
  return fc.tuple(
    fc.array(rule(paths), {maxLength: 8}), fc.constantFrom('\n', '\n', '\n', '\r\n', '\r'), fc.boolean(),
  ).map(([lines, end, closed]) => (lines.join(end) + (closed ? end : '')) as ByteString)
}
