#!/usr/bin/env node
// Writes the generated parts of docs/dyno-image.md; with --check, exits 1 when they no longer say what the images on this machine are.
// Usage: node standin/image/document.ts [--check] [VARIANT…]; those that bin/test makes, unless named
import {readFile, writeFile} from 'node:fs/promises'

import {differencesTable} from './differences.ts'
import {ensureImage} from './ensure.ts'
import {readStack, type Variant} from './stack.ts'

const PAGE = new URL('../../docs/dyno-image.md', import.meta.url)

const check = process.argv.includes('--check')
const named = process.argv.slice(2).filter(word => word !== '--check') as Variant[]
const variants: readonly Variant[] = named.length > 0 ? named : ['heroku-24', 'heroku-24-build']
const before = await readFile(PAGE, 'utf8')
let page = before
for (const variant of variants) {
  const part = new RegExp(`(?<=<!-- differences of ${variant} -->\n).*(?=<!-- end of differences of ${variant} -->)`, 's')
  const [stack, image] = await Promise.all([readStack(variant), ensureImage({variant, report: what => console.error(what)})])
  const table = `${differencesTable(stack, image.made)}\n`
  page = page.replace(part, () => table)
  if (!check) continue
  if (!before.includes(`| ${image.made.distribution} |`)) {
    console.error(`docs/dyno-image.md describes another distribution than ${image.made.distribution}: nothing to compare.`)
  } else if (withoutMirror(part.exec(before)?.[0] ?? '') !== withoutMirror(table)) {
    console.error(`docs/dyno-image.md is stale about ${variant}. Write it anew: node standin/image/document.ts`)
    process.exitCode = 1
  }
}

if (!check) await writeFile(PAGE, page)

/** What this page's code decides. The counterparts' versions and their number are the mirror's, and another day's or another mirror's are others. */
function withoutMirror(text: string): string {
  return text.replace(/: \d+ packages/, ': packages').replaceAll(/\| [^|]+ \|$/gm, '|')
}
