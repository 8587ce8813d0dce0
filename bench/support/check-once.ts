// check-once.ts names|listing FOLDER RULES: what nix:slugexclude:check does, once, in a process of its own. Prints its figures.
import {createHash} from 'node:crypto'
import {createReadStream, readFileSync} from 'node:fs'
import {describeReport} from '../../src/lib/check/describe-report.ts'
import {judge} from '../../src/lib/check/judge.ts'
import {listPaths} from '../../src/lib/check/list-paths.ts'
import {nameTree, openTree} from '../../src/lib/check/read-tree.ts'
import {makeReport} from '../../src/lib/check/report.ts'
import {readListing} from '../../src/lib/listing/read-listing.ts'
import {parseRules} from '../../src/lib/slugexclude/parse-rules.ts'
import {peakMemory} from './peak-memory.ts'

const [mode, folder = '', rulesFile = ''] = process.argv.slice(2)
const listing = `${folder}/files.jsonl.gz`
const bytes = mode === 'listing' ? readFileSync(listing) : Buffer.alloc(0)
const sha256 = createHash('sha256').update(bytes).digest('hex')

const start = performance.now()
const rules = parseRules(readFileSync(rulesFile))
const kept = mode === 'listing' ? await check() : listPaths(judge(nameTree(openTree(folder, folder)), rules), 'kept').length
process.stdout.write(JSON.stringify({ms: performance.now() - start, memory: peakMemory(), kept}))

async function check(): Promise<number> {
  const files = await readListing(createReadStream(listing), {sha256, size: bytes.length, where: listing})
  const judged = judge(files, rules)
  const report = makeReport({judged, rules, result: null, source: null})
  describeReport(report)
  return listPaths(judged, 'kept').length
}
