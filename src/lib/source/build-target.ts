import parseArgv from 'string-argv'
import {EXIT, NixError} from '../errors.ts'

/** What is asked of a source's tree; `/` stands between the parts of a path. */
export interface ProjectFiles {
  /** whether there is a file of that name, or a folder */
  has: (path: string) => boolean
  /** places of a default.nix below the root, for the message */
  nested: readonly string[]
}

/** @param names of all files; folders are what is before their slashes */
export function filesNamed(names: readonly string[]): ProjectFiles {
  const all = new Set(names.flatMap(name => [...name.matchAll(/\//g)].map(({index}) => name.slice(0, index)).concat(name)))
  return {has: path => all.has(path), nested: names.filter(name => name.endsWith('/default.nix'))}
}

/** nix-build's options that take words after them, by how many (nix: src/nix/nix-build/nix-build.cc, common-args.cc). */
const OPERANDS: Readonly<Record<string, number>> = {
  '-A': 1, '--attr': 1, '-I': 1, '-o': 1, '--out-link': 1, '--arg': 2, '--argstr': 2, '--option': 2, '-j': 1, '--max-jobs': 1,
  '--cores': 1, '--max-silent-time': 1, '--timeout': 1, '--store': 1, '--add-root': 1, '--drv-link': 1, '--log-format': 1, '--system': 1,
  '--substituters': 1, '--extra-substituters': 1, '--trusted-public-keys': 1, '--extra-trusted-public-keys': 1,
  '--experimental-features': 1, '--extra-experimental-features': 1, '--argstr-from-file': 2, '--arg-from-file': 2, '--arg-from-stdin': 1,
}

/** What nix-build is given. `words`: NIX_BUILD_FLAGS, split as a shell splits them, evaluated by none. */
export interface BuildTarget {
  /** `flake`: an attribute of the flake at the root; `files`: default.nix, or what the words name */
  kind: 'files' | 'flake'
  words: readonly string[]
}

/** `.#NAME`, as `nix build` takes it. */
const FLAKE_WORD = /^\.?#(.*)$/s

/**
 * Finds what there is to build, before anything takes time. Clients and dynos ask alike.
 * @param flags NIX_BUILD_FLAGS: a path, an expression or `.#NAME` in them takes default.nix's place
 * @throws NixError NO_DEFAULT_NIX, NO_SUCH_FILE, NO_FLAKE
 */
export function buildTarget({has, nested}: ProjectFiles, flags: string): BuildTarget {
  const words = flags.trim() === '' ? [] : parseArgv(flags)
  if (words.some(word => FLAKE_WORD.test(word))) {
    if (has('flake.nix')) return {kind: 'flake', words: words.flatMap(attributeOf)}
    throw new NixError(`NIX_BUILD_FLAGS names "${words.find(word => FLAKE_WORD.test(word)) ?? ''}", and the tree has no flake.nix at its root.`, {
      code: 'NO_FLAKE', exit: EXIT.project, suggestions: ['git add flake.nix && git commit && heroku nix:build', 'heroku config:unset NIX_BUILD_FLAGS'],
    })
  }

  const target: BuildTarget = {kind: 'files', words}
  const named = operandsOf(words)
  if (named === null) return target
  const missing = named.find(({word, isSure}) => isSure && !isThere(word, has))
  if (missing !== undefined) {
    throw new NixError(`NIX_BUILD_FLAGS names "${missing.word}", which is not in the tree.`, {
      code: 'NO_SUCH_FILE', exit: EXIT.project, suggestions: ['git add it, commit, and run: heroku nix:build', 'heroku config:unset NIX_BUILD_FLAGS'],
    })
  }

  if (has('default.nix') || named.some(({word}) => isThere(word, has))) return target
  if (has('flake.nix')) return {kind: 'flake', words: namesAttribute(words) ? words : ['-A', 'default', ...words]}
  throw new NixError(`The tree has neither default.nix nor flake.nix at its root${nested.length === 0 ? '' : `, only ${nested.slice(0, 3).join(', ')}`}.`, {
    code: 'NO_DEFAULT_NIX', exit: EXIT.project,
    suggestions: ['git add default.nix && git commit && heroku nix:build', 'heroku nix:build --worktree, if it is there but in no commit'],
  })
}

/** `.#NAME` as nix-build says it. */
function attributeOf(word: string): string[] {
  const found = FLAKE_WORD.exec(word)
  return found ? ['-A', found[1] || 'default'] : [word]
}

function namesAttribute(words: readonly string[]): boolean {
  return words.some(word => word === '-A' || word === '--attr')
}

interface Operand {
  word: string
  /** false: it may belong to the option before it, since every setting of nix.conf is an option */
  isSure: boolean
}

/** The words that name what to build; null where an expression does. */
function operandsOf(words: readonly string[]): Operand[] | null {
  const operands: Operand[] = []
  let isSure = true
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    if (word === '-E' || word === '--expr') return null
    if (!word.startsWith('-')) operands.push({word, isSure})
    isSure = !word.startsWith('-') || word in OPERANDS
    if (word.startsWith('-')) at += OPERANDS[word] ?? 0
  }

  return operands
}

/** What is no plain path inside the tree is Nix's to judge: URLs, `<nixpkgs>`, `channel:…`, absolute paths. */
function isThere(word: string, has: (path: string) => boolean): boolean {
  if (/^[<~/]|^[a-z][a-z+.-]*:|(?:^|\/)\.\.(?:\/|$)/i.test(word)) return true
  const path = word.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '')
  return path === '.' || path === '' ? has('default.nix') : has(path) || has(`${path}/default.nix`)
}
