import type {Saved} from './saver.ts'

/** One line of what came of a build's paths: `saved 5 paths, 1.2 MB (566 already there, 2 001 from upstream)`. */
export function saveSummary(results: Iterable<Saved>, formatBytes: (bytes: number) => string): string {
  const count = {failed: 0, saved: 0, there: 0, upstream: 0}
  let bytes = 0
  for (const result of results) {
    count[result.kind] += 1
    if (result.kind === 'saved') bytes += result.bytes
  }

  const others = [
    ...(count.there > 0 ? [`${thousands(count.there)} already there`] : []),
    ...(count.upstream > 0 ? [`${thousands(count.upstream)} from upstream`] : []),
    ...(count.failed > 0 ? [`${thousands(count.failed)} not saved`] : []),
  ]
  const paths = `${thousands(count.saved)} path${count.saved === 1 ? '' : 's'}`
  return `saved ${paths}, ${formatBytes(bytes)}${others.length > 0 ? ` (${others.join(', ')})` : ''}`
}

const thousands = (count: number) => String(count).replaceAll(/\B(?=(\d{3})+$)/g, ' ')
