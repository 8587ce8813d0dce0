import type {ListedFile, Need} from '../../../src/lib/listing/listed-file.ts'
import {judge, type Judged} from '../../../src/lib/check/judge.ts'
import {makeReport, type CheckReport} from '../../../src/lib/check/report.ts'
import {fromText, type ByteString} from '../../../src/lib/slug/byte-string.ts'
import {parseRules} from '../../../src/lib/slugexclude/parse-rules.ts'

/** What a file of a closure needs, each as `HOW PATH`. */
export type Contents = Readonly<Record<string, string | readonly string[]>>

/** A closure of files of 100 bytes; a text is a symlink to that path, a list has needs. Folders come by themselves. */
export function closure(contents: Contents): ListedFile[] {
  const folders = new Set(Object.keys(contents).flatMap(path => path.split('/').slice(0, -1).map((_, index, names) => names.slice(0, index + 1).join('/'))))
  return [...folders, ...Object.keys(contents)].map(path => path.split('/')).sort(byNames).map(names => {
    const path = names.join('/') as ByteString
    const content = contents[path]
    if (content === undefined) return {kind: 'directory', path, packed: 1, needs: []}
    if (typeof content === 'string') return {kind: 'symlink', path, packed: 1, target: fromText(`../${content}`), needs: [need(`symlink ${content}`)]}
    return {kind: 'file', path, packed: 10, size: 100, executable: true, what: 'elf', needs: content.map(text => need(text))}
  })
}

function byNames(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((name, index) => name !== b[index])
  if (at === -1) return a.length - b.length
  return (a[at] ?? '') < (b[at] ?? '') ? -1 : 1
}

function need(text: string): Need {
  const [how, to, ...or] = text.split(' ')
  return {how: how as Need['how'], to: to as ByteString, ...(or.length > 0 && {or: or as ByteString[]})}
}

export function judged(contents: Contents, rules: string | null): Judged[] {
  return judge(closure(contents), rules === null ? null : parseRules(rules))
}

export function report(contents: Contents, rules: string | null, {result = null, source = null}: {result?: string | null; source?: number | null} = {}): CheckReport {
  const parsed = rules === null ? null : parseRules(rules)
  return makeReport({judged: judge(closure(contents), parsed), rules: parsed, result, source})
}
