import type {Restored} from './restore-path.ts'

export interface RestoredSum {
  /** that were restored */
  paths: number
  /** files of these */
  files: number
  /** of their contents, as written */
  bytes: number
  /** paths that were in the folder already, and were left as they are */
  there: number
  /** paths of which the rules leave nothing */
  pruned: number
}

export function sumUp(results: readonly Restored[]): RestoredSum {
  const count = (kind: Restored['kind']) => results.filter(one => one.kind === kind).length
  const sum = (figure: 'bytes' | 'files') => results.reduce((all, one) => all + one[figure], 0)
  return {paths: count('restored'), files: sum('files'), bytes: sum('bytes'), there: count('there'), pruned: count('pruned')}
}
