// bin/bench [NAME] [--json]: lists the benchmarks, or runs one. Exit 1: a goal was missed. 2: it could not measure.
import fs from 'node:fs'
import os from 'node:os'
import {removeTree} from '../src/lib/view/remove.ts'
import {CannotMeasure, type Benchmark, type Result} from './bench.ts'

const NOT_BENCHMARKS = new Set(['bench.ts', 'main.ts'])

const arguments_ = process.argv.slice(2)
const json = arguments_.includes('--json')
const [name, ...others] = arguments_.filter(argument => argument !== '--json')
if (others.length > 0 || name?.startsWith('-')) fail(`bin/bench takes one NAME and --json, not ${arguments_.join(' ')}.`)
else if (name === undefined) await list()
else await run(name)

async function list(): Promise<void> {
  const benchmarks = []
  for (const name of names()) {
    try {
      benchmarks.push(await load(name))
    } catch (error) {
      if (!(error instanceof CannotMeasure)) throw error
      fail(error.message)
    }
  }

  if (json) {
    print(JSON.stringify(benchmarks.map(({name, description, goals}) => ({name, description, goals})), null, 2))
    return
  }

  for (const {name, description, goals} of benchmarks) {
    print(`${name.padEnd(10)}${description}`)
    for (const goal of goals) print(`${' '.repeat(10)}  goal: ${goal}`)
  }
}

async function run(wanted: string): Promise<void> {
  if (!names().includes(wanted)) {
    fail(`There is no benchmark "${wanted}"; there are ${names().join(', ')}.`)
    return
  }

  const scratch = fs.mkdtempSync(`${os.tmpdir()}/bench-`)
  try {
    const result = await (await load(wanted)).run({scratch, say: line => process.stderr.write(`${line}\n`)})
    print(json ? JSON.stringify(result, null, 2) : describe(result))
    if (result.goals.some(({met}) => !met)) process.exitCode = 1
  } catch (error) {
    if (!(error instanceof CannotMeasure)) throw error
    fail(error.message)
  } finally {
    removeTree(scratch)
  }
}

function names(): string[] {
  return fs.readdirSync(import.meta.dirname, {withFileTypes: true})
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts') && !NOT_BENCHMARKS.has(entry.name)).map(entry => entry.name.slice(0, -3)).sort()
}

async function load(name: string): Promise<Benchmark> {
  const {default: benchmark} = await import(`./${name}.ts`) as {default?: Benchmark}
  if (benchmark === undefined) throw new CannotMeasure(`bench/${name}.ts has no benchmark as its default export`)
  return benchmark
}

function describe({compared, rounds, medians, ratios, goals}: Result): string {
  return [
    ...Object.entries(compared).map(([name, origin]) => `${name}: ${origin}`), '',
    `${'medians'.padEnd(44)}${'median'.padStart(12)}   each round`,
    ...Object.entries(medians).map(([name, value]) => `${name.padEnd(44)}${number(value).padStart(12)}   ${rounds.flatMap(round => round[name] ?? []).map(number).join(' ')}`), '',
    ...Object.entries(ratios).map(([name, value]) => `${name.padEnd(44)}${number(value).padStart(12)}`), '',
    ...goals.map(({goal, value, met}) => `${met ? 'met' : 'MISSED'}: ${goal}: ${number(value)}`),
  ].join('\n')
}

function number(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function fail(message: string): void {
  process.stderr.write(` !     ${message}\n`)
  process.exitCode = 2
}
