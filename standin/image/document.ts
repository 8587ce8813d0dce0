#!/usr/bin/env node
// Writes the generated part of docs/dyno-image.md; with --check, exits 1 when it no longer says what the image on this machine is.
import {readFile, writeFile} from 'node:fs/promises'

import {differencesTable} from './differences.ts'
import {ensureImage} from './ensure.ts'
import {readStack} from './stack.ts'

const PAGE = new URL('../../docs/dyno-image.md', import.meta.url)
const PART = /(?<=<!-- differences -->\n).*(?=<!-- end of differences -->)/s

const [page, stack, image] = await Promise.all([readFile(PAGE, 'utf8'), readStack('heroku-24'), ensureImage({report: what => console.error(what)})])
const table = `${differencesTable(stack, image.made)}\n`
if (!process.argv.includes('--check')) {
  await writeFile(PAGE, page.replace(PART, () => table))
} else if (!page.includes(`| ${image.made.distribution} |`)) {
  console.error(`docs/dyno-image.md describes another distribution than ${image.made.distribution}: nothing to compare.`)
} else if (withoutUpdates(PART.exec(page)?.[0] ?? '') !== withoutUpdates(table)) {
  console.error('docs/dyno-image.md is stale. Write it anew: node standin/image/document.ts')
  process.exitCode = 1
}

/** Security updates move the last numbers of a version; they don't make the page wrong. */
function withoutUpdates(text: string): string {
  return text.replaceAll(/(\d+[.:]\d+)[\w.]*/g, '$1')
}
