import {execFile} from 'node:child_process'
import {mkdir, mkdtemp, readFile, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {fromBytes, fromText, toBytes, type ByteString} from '../../../src/lib/slug/byte-string.ts'

const run = promisify(execFile)

/** A tree by the paths of what is in it; a directory's ends in `/`, a symbolic link's in `@`. */
export type Tree = readonly ByteString[]

/** What rsync lists, directories with a slash at the end, sorted; `illegal` where it refuses the rules. */
export type RsyncAnswer = ByteString[] | 'illegal'

/** Calls `use` with a folder that holds the tree, and a way to ask rsync about it. */
export async function withTree<T>(tree: Tree, use: (ask: (rules: readonly ByteString[]) => Promise<RsyncAnswer[]>) => Promise<T>): Promise<T> {
  const scratch = await mkdtemp(join(tmpdir(), 'slugexclude-'))
  try {
    await mkdir(join(scratch, 'empty'))
    await makeTree(join(scratch, 'tree'), tree)
    return await use(rules => askRsync(scratch, rules))
  } finally {
    await rm(scratch, {recursive: true})
  }
}

async function makeTree(root: string, tree: Tree): Promise<void> {
  await mkdir(root)
  for (const path of tree) {
    const place = Buffer.concat([Buffer.from(`${root}/`), toBytes(path.replace(/[/@]$/, '') as ByteString)])
    await mkdir(place.subarray(0, place.lastIndexOf('/')), {recursive: true})
    if (path.endsWith('/')) await mkdir(place, {recursive: true})
    else if (path.endsWith('@')) await symlink('elsewhere', place)
    else await writeFile(place, '')
  }
}

/** One rsync for each set of rules, several at once: most of an rsync's life is waiting for its own children. */
async function askRsync(scratch: string, rules: readonly ByteString[]): Promise<RsyncAnswer[]> {
  const cases = await mkdtemp(join(scratch, 'cases-'))
  await Promise.all(rules.map((text, index) => writeFile(join(cases, `${index}.rules`), toBytes(text))))
  const rsync = 'rsync -an8 --prune-empty-dirs --exclude-from="$0.rules" --out-format=%n ../tree/ ../empty/ >"$0.out" 2>"$0.err"; echo $? >"$0.status"'
  const names = rules.map((_, index) => index)
  const child = run('xargs', ['-P', '12', '-n', '1', 'sh', '-c', rsync], {cwd: cases, env: {...process.env, LC_ALL: 'C'}})
  child.child.stdin?.end(names.join('\n'))
  await child
  return Promise.all(names.map(name => readAnswer(join(cases, String(name)))))
}

async function readAnswer(base: string): Promise<RsyncAnswer> {
  const [status, out, err] = await Promise.all([readFile(`${base}.status`, 'utf8'), readFile(`${base}.out`), readFile(`${base}.err`, 'utf8')])
  if (status.trim() === '1' && err.includes('unexpected end of filter rule')) return 'illegal'
  if (status.trim() !== '0') throw new Error(`rsync failed with status ${status}: ${err}`)
  return fromBytes(out).split('\n').filter(line => line !== '' && line !== './').map(line => unescape(line)).sort()
}

/** rsync shows control characters, and backslashes that would look like one of these, as `\\#ooo`. */
function unescape(line: string): ByteString {
  return line.replace(/\\#([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))) as ByteString
}

/** The tree with every parent, in a NAR's order. */
export function withParents(tree: Tree): {path: ByteString; isDirectory: boolean}[] {
  const kinds = new Map<string, boolean>()
  for (const path of tree) {
    const parts = path.replace(/[/@]$/, '').split('/')
    for (let count = 1; count < parts.length; count++) kinds.set(parts.slice(0, count).join('/'), true)
    kinds.set(parts.join('/'), path.endsWith('/'))
  }

  // A slash sorts before every other byte, so that a directory's content follows it at once.
  const key = (path: string) => path.replaceAll('/', '\0')
  return [...kinds]
    .map(([path, isDirectory]) => ({path: path as ByteString, isDirectory}))
    .sort((a, b) => (key(a.path) < key(b.path) ? -1 : 1))
}

export function paths(...names: string[]): Tree {
  return names.map(name => fromText(name))
}
