// Derives the view of every path of a store, and prints what it took. Arguments: the store's folder, the view's.
import fs from 'node:fs'
import {ensureInView} from '../../src/lib/view/view.ts'
import {peakMemory} from './peak-memory.ts'

const [canonical = '', view = ''] = process.argv.slice(2)
const started = performance.now()
ensureInView({canonical, view}, fs.readdirSync(canonical))
const ms = performance.now() - started
process.stdout.write(JSON.stringify({ms, memory: peakMemory()}))
