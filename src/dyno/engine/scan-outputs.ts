import {MAX_LEFT_PATHS} from '../../lib/build/record.ts'
import {describeTainted} from '../../lib/scan/describe.ts'
import {VIEW_PATH} from '../../lib/scan/needle.ts'
import type {DiskPath} from '../../lib/view/entry.ts'
import type {Trees} from '../../lib/view/view.ts'
import type {DerivationKind} from './derivation-kind.ts'
import {rememberTaint} from './taints.ts'

/** What in an output was not mapped back, relative to the tree: `HASH-NAME/x.gz`. */
export interface Unmapped {
  name: string
  /** files that hold others */
  files: DiskPath[]
  /** folders named `…/app/.nixs` */
  folders: DiskPath[]
}

/**
 * Looks into what an output holds compressed or archived, says in the build's log what it found, and remembers it.
 * All else was read when it was mapped back, and holds nothing.
 */
export async function scanOutputs(
  trees: Trees, outputs: readonly Unmapped[], {kind, log, onProgress}: {kind: DerivationKind; log: (line: string) => void; onProgress: () => void},
): Promise<void> {
  // Whoever knew its hash beforehand gets these bytes everywhere: what stands in them is text.
  if (kind === 'fixed-output') return
  for (const {name, files, folders} of outputs) {
    if (files.length + folders.length === 0) continue
    // Most builds have nothing to look into, and do without loading the readers of archives.
    const {placeOf, scanFiles} = await import('../../lib/scan/scan-files.ts')
    const inFiles = await scanFiles({
      tree: trees.canonical, files, needle: VIEW_PATH, onProgress,
      onNotScanned: (file, reason) => log(`warning: ${file} was not searched for /app/.nixs/: ${reason}`),
    })
    const named = folders.map(folder => placeOf(folder))
    if (inFiles.length + named.length === 0) continue
    for (const line of describeTainted({inFiles, named})) log(line)
    rememberTaint(name, {kind, places: [...named, ...inFiles].slice(0, MAX_LEFT_PATHS)})
  }
}
