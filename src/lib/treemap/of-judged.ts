import {TRANSFER_ROOT, type Judged} from '../check/judge.ts'
import {formatBytes} from '../output/units.ts'
import type {ByteString} from '../slug/byte-string.ts'
import type {Rule, Rules} from '../slugexclude/rules.ts'
import type {TreemapPage} from './page.ts'
import type {TreemapFile} from './tree.ts'

/** What a page shows of a closure and its rules. @param of the app or the folder */
export function treemapOf(judged: readonly Judged[], rules: Rules | null, of: string): TreemapPage {
  const indexes = new Map<Rule | null, number>((rules?.rules ?? []).map((rule, index) => [rule, index]))
  const files = judged.filter(({listed}) => listed.kind !== 'directory').map(({listed, kept, rule}): TreemapFile => ({
    path: (TRANSFER_ROOT + listed.path) as ByteString, size: listed.kind === 'file' ? listed.size : 0, packed: listed.packed, kept, rule: indexes.get(rule) ?? -1,
  }))
  const packed = (which: readonly TreemapFile[]) => formatBytes(which.reduce((sum, file) => sum + file.packed, 0))
  const kept = files.filter(file => file.kept)
  return {
    title: `What the slug of ${of} is made of`,
    summary: `${files.length.toLocaleString('en')} files, ${packed(files)} compressed; ${kept.length.toLocaleString('en')} of them, ${packed(kept)}, are kept`,
    rulesFile: rules?.file ?? null, rules: rules?.rules ?? [], files,
  }
}
