import {formatBytes} from '../output/units.ts'
import type {Suggestion} from './suggest.ts'

/** The file's text: above each rule what it saves and why it is safe. */
export function formatSuggestion({rules, before, after}: Suggestion, {of}: {of: string}): string {
  const saved = before.packed - after.packed
  const head = [
    `# What the dynos of ${of} can do without, by heroku nix:slugexclude:check --suggest.`,
    `# Saves ${formatBytes(saved)} of ${formatBytes(before.packed)} in the slug (${share(saved, before.packed)} %), ${formatBytes(before.size - after.size)} of ${formatBytes(before.size)} on disk.`,
    '# The first line that matches decides.',
  ]
  const blocks = rules.map(({text, why, packed, size}, index) => {
    if (text.startsWith('- ')) return ['', `# Saves ${formatBytes(packed)} in the slug, ${formatBytes(size)} on disk; ${why}.`, text]
    const goesOn = rules[index - 1]?.text.startsWith('+ ') && rules[index - 1]?.why === why
    return goesOn ? [text] : ['', `# ${why[0]?.toUpperCase() ?? ''}${why.slice(1)}.`, text]
  })
  return `${[head, ...blocks].flat().join('\n')}\n`
}

function share(part: number, whole: number): string {
  return whole === 0 ? '0' : (100 * part / whole).toFixed(1)
}
