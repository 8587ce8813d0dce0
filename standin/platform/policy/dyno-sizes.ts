/** Heroku's dyno sizes. devcenter.heroku.com/articles/dyno-types, devcenter.heroku.com/articles/limits#processes-threads */
export interface DynoSize {
  name: string
  family: 'basic' | 'eco' | 'fir' | 'performance' | 'private' | 'shield' | 'standard'
  /** GB */
  memory: number
  compute: number
  dedicated: boolean
  /** processes and threads; null: no limit is documented */
  maxThreads: number | null
}

type Row = [name: string, family: DynoSize['family'], memory: number, compute: number, maxThreads: number | null]

const table: Row[] = [
  ['Eco', 'eco', 0.5, 1, 256],
  ['Basic', 'basic', 0.5, 1, 256],
  ['Standard-1X', 'standard', 0.5, 1, 256],
  ['Standard-2X', 'standard', 1, 1, 512],
  ['Performance-M', 'performance', 2.5, 2, 16_384],
  ['Performance-L', 'performance', 14, 8, 32_768],
  ['Performance-L-RAM', 'performance', 30, 4, 32_768],
  ['Performance-XL', 'performance', 62, 8, 32_768],
  ['Performance-2XL', 'performance', 126, 16, 32_768],
  ...(['Private', 'Shield'] as const).flatMap(name => ([
    ['S', 1, 2], ['M', 2.5, 2], ['L', 14, 8], ['L-RAM', 30, 4], ['XL', 62, 8], ['2XL', 126, 16],
  ] as const).map(([suffix, memory, compute]): Row =>
    [`${name}-${suffix}`, name === 'Private' ? 'private' : 'shield', memory, compute, null])),
  ...([
    [1, 0.5], [2, 1], [1, 4], [2, 8], [4, 16], [8, 32], [16, 64], [2, 16], [4, 32], [8, 64], [16, 128],
  ] as const).map(([compute, memory]): Row => [`dyno-${compute}c-${memory}gb`, 'fir', memory, compute, null]),
]

export const DYNO_SIZES: readonly DynoSize[] = table.map(([name, family, memory, compute, maxThreads]) => ({
  name, family, memory, compute, maxThreads, dedicated: !['basic', 'eco', 'standard'].includes(family),
}))

/** By name in any case: the API answers `Standard-1X` to `standard-1x`. */
export function findSize(name: string): DynoSize | null {
  return DYNO_SIZES.find(size => size.name.toLowerCase() === name.toLowerCase()) ?? null
}
