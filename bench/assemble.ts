import {execFile} from 'node:child_process'
import {createWriteStream} from 'node:fs'
import {cp, mkdir, opendir, stat, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {writeLayer} from '../src/lib/slug/layer.ts'
import {walkView} from '../src/lib/slug/walk-view.ts'
import {parseRules} from '../src/lib/slugexclude/parse-rules.ts'
import {CannotMeasure, medianRatio, medians, milliseconds, type Benchmark, type BenchContext, type Result} from './bench.ts'

const run = promisify(execFile)

const MOST = 1.15
const GOAL = `writeLayer takes at most ${MOST} × what tar | pigz does, of the same kept bytes`
const ROUNDS = 9
const RULES = '- *.map\n- *.md\n- *.a\n- include/\n'
const PATHS = ['a0-libraries', 'b0-node-modules']
const BYTES_PER_PATH = 100e6

const assemble: Benchmark = {
  name: 'assemble',
  description: 'writing a layer (rules, tar, gzip, sha256), against tar and pigz',
  goals: [GOAL],
  run: measure,
}

export default assemble

async function measure({scratch, say}: BenchContext): Promise<Result> {
  const [tar, pigz] = await Promise.all([version('tar'), version('pigz'), version('rsync')])
  say('copying files')
  const root = join(scratch, 'root')
  await copySome('/usr/lib', join(root, 'store', 'a0-libraries'), /\.so(\.|$)/)
  await copySome(join(import.meta.dirname, '../node_modules'), join(root, 'store', 'b0-node-modules'), /./)
  await writeFile(join(scratch, 'rules'), RULES)
  await run('rsync', ['-a', '--prune-empty-dirs', `--exclude-from=${join(scratch, 'rules')}`, `${root}/`, `${join(scratch, 'kept')}/`])

  const layer = () => writeLayer({
    entries: walkView(join(root, 'store'), PATHS), rules: parseRules(RULES), result: 'a0-libraries', sink: createWriteStream(join(scratch, 'layer.tar.gz')),
  })
  const archive = () => run('bash', ['-c', 'set -o pipefail; tar -cf - store | pigz >../theirs.tar.gz'], {cwd: join(scratch, 'kept')})

  // Once without a clock: both then read from the page cache.
  const {kept} = await layer()
  await archive()
  const rounds: Result['rounds'] = []
  for (let round = 1; round <= ROUNDS; round++) {
    say(`round ${round} of ${ROUNDS}`)
    const figures: Record<string, number> = {}
    const works: [string, () => Promise<unknown>][] = [['writeLayer, ms', layer], ['tar | pigz, ms', archive]]
    for (const [name, work] of round % 2 ? works : works.reverse()) figures[name] = await milliseconds(work)
    rounds.push({
      ...figures,
      'writeLayer, bytes': (await stat(join(scratch, 'layer.tar.gz'))).size, 'tar | pigz, bytes': (await stat(join(scratch, 'theirs.tar.gz'))).size,
    })
  }

  const ratio = medianRatio(rounds, 'writeLayer, ms', 'tar | pigz, ms')
  return {
    compared: {
      writeLayer: `src/lib/slug, with the rules ${JSON.stringify(RULES)}, on some of this machine's /usr/lib and of node_modules: ${kept.files} files and ${kept.bytes} bytes kept`,
      'tar | pigz': `${tar} and ${pigz} as installed, at their defaults, on a copy that lacks what the rules drop`,
    },
    rounds,
    medians: medians(rounds),
    ratios: {'writeLayer / tar | pigz, time': ratio, 'writeLayer / tar | pigz, size': medianRatio(rounds, 'writeLayer, bytes', 'tar | pigz, bytes')},
    goals: [{goal: GOAL, value: ratio, met: ratio <= MOST}],
  }
}

async function version(program: string): Promise<string> {
  const {stdout} = await run(program, ['--version']).catch((error: unknown) => {
    throw new CannotMeasure(`${program} is needed and does not run (${String(error)}); bin/setup installs it.`)
  })
  return stdout.split('\n')[0] ?? program
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
