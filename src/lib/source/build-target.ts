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

/** What a flake's project needs beside it. `builtins.currentSystem` is what the dyno is. */
export const FLAKE_DEFAULT_NIX = '(builtins.getFlake (toString ./.)).packages.${builtins.currentSystem}.default'
export const FLAKE_FLAGS = '--extra-experimental-features flakes'

/**
 * Checks that nix-build will find something to build, before anything takes time. Clients and dynos ask alike.
 * @param flags NIX_BUILD_FLAGS: a path or an expression in them takes default.nix's place
 * @throws NixError NO_DEFAULT_NIX, NO_SUCH_FILE, FLAKE_ONLY
 */
export function checkProject({has, nested}: ProjectFiles, flags: string): void {
  const words = flags.trim() === '' ? [] : parseArgv(flags)
  const named = operandsOf(words)
  if (named === null) return
  const missing = named.find(({word, isSure}) => isSure && !isThere(word, has))
  if (missing !== undefined) {
    throw new NixError(`NIX_BUILD_FLAGS names "${missing.word}", which is not in the tree.`, {
      code: 'NO_SUCH_FILE', exit: EXIT.project, suggestions: ['git add it, commit, and run: heroku nix:build', 'heroku config:unset NIX_BUILD_FLAGS'],
    })
  }

  if (has('default.nix') || named.some(({word}) => isThere(word, has))) return
  if (has('flake.nix')) {
    throw new NixError('The tree has a flake.nix but no default.nix, which is what is built.', {
      code: 'FLAKE_ONLY', exit: EXIT.project,
      suggestions: [
        `write a default.nix of one line, that is the flake's package: ${FLAKE_DEFAULT_NIX}`,
        `heroku config:set NIX_BUILD_FLAGS="${FLAKE_FLAGS}"`,
        'git add default.nix && git commit && heroku nix:build',
      ],
    })
  }

  throw new NixError(`The tree has no default.nix at its root${nested.length === 0 ? '' : `, only ${nested.slice(0, 3).join(', ')}`}.`, {
    code: 'NO_DEFAULT_NIX', exit: EXIT.project,
    suggestions: ['git add default.nix && git commit && heroku nix:build', 'heroku nix:build --worktree, if it is there but in no commit'],
  })
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
