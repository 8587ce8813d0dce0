import fs from 'node:fs'
import {fileMode} from '../../../../src/lib/view/canonical-modes.ts'

/** Where a file differs: bytes `[from, to)`, or its kind, mode, target or size. */
export type Difference = {kind: 'bytes'; ranges: {from: number; to: number}[]; bytes: number} | {kind: 'other'; what: string}

/** How two store paths differ, file by file; equal ones are not in it, and of equal trees nothing is. */
export function differencesOf(one: string, other: string): Record<string, Difference> {
  const found: Record<string, Difference> = {}
  const visit = (name: string) => {
    const [a, b] = [`${one}${name}`, `${other}${name}`]
    const [about, aboutOther] = [describe(a), describe(b)]
    if (about !== aboutOther) {
      found[name] = {kind: 'other', what: `${about} / ${aboutOther}`}
    } else if (about === 'folder') {
      for (const entry of new Set([...fs.readdirSync(a), ...fs.readdirSync(b)])) visit(`${name}/${entry}`)
    } else if (!about.startsWith('->')) {
      const ranges = rangesOf(fs.readFileSync(a), fs.readFileSync(b))
      if (ranges.length > 0) found[name] = {kind: 'bytes', ranges, bytes: ranges.reduce((sum, {from, to}) => sum + to - from, 0)}
    }
  }

  visit('')
  return found
}

function describe(path: string): string {
  const stats = fs.lstatSync(path, {throwIfNoEntry: false})
  if (!stats) return 'absent'
  if (stats.isDirectory()) return 'folder'
  return stats.isSymbolicLink() ? `-> ${fs.readlinkSync(path)}` : `${fileMode(stats.mode).toString(8)}, ${stats.size} bytes`
}

/** Of two texts of one length. Equal bytes between unequal ones count as unequal: two sums may agree in some. */
function rangesOf(one: Buffer, other: Buffer): {from: number; to: number}[] {
  const ranges: {from: number; to: number}[] = []
  for (let at = 0; at < one.length; at++) {
    if (one[at] === other[at]) continue
    const last = ranges.at(-1)
    if (last && at - last.to < 8) last.to = at + 1
    else ranges.push({from: at, to: at + 1})
  }

  return ranges
}
