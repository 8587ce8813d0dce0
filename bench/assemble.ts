import {execFile} from 'node:child_process'
import {createWriteStream} from 'node:fs'
import {cp, mkdir, mkdtemp, opendir, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {parseArgs, promisify} from 'node:util'
import {writeLayer} from '../src/lib/slug/layer.ts'
import {walkView} from '../src/lib/slug/walk-view.ts'
import {parseRules} from '../src/lib/slugexclude/parse-rules.ts'

const run = promisify(execFile)

/** Writing a layer may take this much longer than `tar | pigz` of the bytes it keeps. */
export const ASSEMBLE_GOAL = 1.15
const RULES = '- *.map\n- *.md\n- *.a\n- include/\n'
const BYTES_PER_PATH = 100e6

export interface AssembleFigures {
  /** bytes that both compress */
  keptBytes: number
  keptFiles: number
  /** milliseconds, pair by pair; the two of a pair ran one after the other, in alternating order */
  pairs: {writeLayer: number; tarPigz: number}[]
  /** median of the pairs' own ratios */
  ratio: number
  size: {writeLayer: number; tarPigz: number}
}

/**
 * Compares writeLayer, rules and hashing included, with GNU tar and pigz (as installed, level 6, all CPUs) on a tree
 * that already lacks what the rules drop. The tree is made of this machine's libraries (few, large) and of the
 * project's node_modules (many, small); it is in the page cache for both.
 */
export async function measureAssemble({rounds}: {rounds: number}): Promise<AssembleFigures> {
  const scratch = await mkdtemp(join(tmpdir(), 'bench-assemble-'))
  try {
    const root = join(scratch, 'root')
    await copySome('/usr/lib', join(root, 'store', 'a0-libraries'), /\.so(\.|$)/)
    await copySome(join(import.meta.dirname, '../node_modules'), join(root, 'store', 'b0-node-modules'), /./)
    await writeFile(join(scratch, 'rules'), RULES)
    await run('rsync', ['-a', '--prune-empty-dirs', `--exclude-from=${join(scratch, 'rules')}`, `${root}/`, `${join(scratch, 'kept')}/`])

    const ours = () => writeLayer({
      entries: walkView(join(root, 'store'), ['a0-libraries', 'b0-node-modules']), rules: parseRules(RULES), result: 'a0-libraries',
      sink: createWriteStream(join(scratch, 'layer.tar.gz')),
    })
    const theirs = () => run('bash', ['-c', 'set -o pipefail; tar -cf - store | pigz >../theirs.tar.gz; stat -c %s ../theirs.tar.gz'], {cwd: join(scratch, 'kept')})

    const [{kept, size}, {stdout}] = [await ours(), await theirs()]
    const pairs: AssembleFigures['pairs'] = []
    for (let round = 0; round < rounds; round++) {
      const first = round % 2 ? await milliseconds(theirs) : 0
      const writeLayer = await milliseconds(ours)
      pairs.push({writeLayer, tarPigz: first || await milliseconds(theirs)})
    }

    return {
      keptBytes: kept.bytes, keptFiles: kept.files, pairs, size: {writeLayer: size, tarPigz: Number(stdout)},
      ratio: median(pairs.map(pair => pair.writeLayer / pair.tarPigz)),
    }
  } finally {
    await rm(scratch, {recursive: true})
  }
}

/** Copies matching files, folder by folder, until there are enough bytes. */
async function copySome(from: string, to: string, pattern: RegExp): Promise<void> {
  let left = BYTES_PER_PATH
  for await (const entry of await opendir(from, {recursive: true})) {
    if (!entry.isFile() || !pattern.test(entry.name)) continue
    const folder = join(to, entry.parentPath.slice(from.length))
    await mkdir(folder, {recursive: true})
    await cp(join(entry.parentPath, entry.name), join(folder, entry.name))
    left -= (await stat(join(folder, entry.name))).size
    if (left < 0) return
  }
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function report({keptFiles, keptBytes, pairs, ratio, size}: AssembleFigures): void {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`
  console.log(`assemble: ${keptFiles} files, ${megabytes(keptBytes)} kept`)
  for (const {writeLayer, tarPigz} of pairs) {
    console.log(`  writeLayer ${writeLayer.toFixed(0)} ms, tar | pigz ${tarPigz.toFixed(0)} ms, ratio ${(writeLayer / tarPigz).toFixed(2)}`)
  }

  console.log(`  median ratio ${ratio.toFixed(2)} (goal: at most ${ASSEMBLE_GOAL}); ${megabytes(size.writeLayer)}, pigz ${megabytes(size.tarPigz)}`)
}

if (import.meta.main) {
  const {values} = parseArgs({options: {json: {type: 'boolean', default: false}, rounds: {type: 'string', default: '9'}}})
  try {
    const figures = await measureAssemble({rounds: Number(values.rounds)})
    if (values.json) console.log(JSON.stringify(figures))
    else report(figures)
    process.exitCode = figures.ratio <= ASSEMBLE_GOAL ? 0 : 1
  } catch (error) {
    console.error(`assemble could not be measured: ${String(error)}`)
    process.exitCode = 2
  }
}
