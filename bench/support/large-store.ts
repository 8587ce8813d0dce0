import fs from 'node:fs'

const PATHS = 250
const PER_PATH = 400
/** Where a store path's files lie, and what they are called: each with its part of all. */
const PLACES: readonly (readonly [folder: string, parts: number, name: (n: number) => string])[] = [
  ['bin', 1, n => `program-${n}`],
  ['lib', 2, n => `libpart${n}.so.${n % 9}`],
  ['lib/pkgconfig', 1, n => `part${n}.pc`],
  ['lib/python3.12/site-packages/module', 5, n => `part_${n}.py`],
  ['lib/python3.12/site-packages/module/__pycache__', 5, n => `part_${n}.cpython-312.pyc`],
  ['lib/python3.12/site-packages/module/tests', 2, n => `test_part_${n}.py`],
  ['include/part', 3, n => `part${n}.h`],
  ['share/doc/part', 1, n => `chapter${n}.html`],
  ['share/man/man3', 2, n => `part${n}.3.gz`],
  ['share/part/data', 8, n => `table-${n}.dat`],
]

/** 50 rules of the kinds that people write; all but a few match something. */
export const RULES = [
  '# keep what the app reads', '+ /store/*-part-7/share/doc/***', '+ part_1?.py', '+ /store/*-part-1?/include/***', '+ **/man3/part1.3.gz',
  '*.a', '*.la', '*.pc', '*.h', '*.cpython-312.pyc', 'tests/', '/store/*/share/man/', 'share/doc/', '*.html', 'libpart[13579].so.*', 'program-1?',
  ...Array.from({length: 20}, (_, n) => `/store/*-part-${n * 5 + 20}/share/part/data/*${n % 10}.dat`),
  ...Array.from({length: 10}, (_, n) => `/store/*-part-${n * 3 + 130}/**/part_*${n}.py`),
  'lib/**/*.tmp', '*.orig', 'README*', 'table-3[0-4].dat', 'test_*', '*.so.8',
].slice(0, 51)

/** Makes a folder that holds `store/` with 100,000 small files in it. Returns how many. */
export function makeLargeStore(root: string): number {
  let files = 0
  for (let path = 0; path < PATHS; path++) {
    const store = `${root}/store/${String(path).padStart(32, '0')}-part-${path}`
    for (const [folder, parts, name] of PLACES) {
      fs.mkdirSync(`${store}/${folder}`, {recursive: true})
      for (let n = 0; n < PER_PATH * parts / 30; n++) {
        fs.writeFileSync(`${store}/${folder}/${name(n)}`, `${folder} ${n} of ${path}\n`)
        files++
      }
    }
  }

  return files
}
