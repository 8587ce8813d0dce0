import fs from 'node:fs'
import {removeTree} from '../../lib/view/remove.ts'
import {kindAt} from '../../lib/view/entry.ts'
import {sweepTrees} from '../../lib/view/view.ts'
import {LAYOUT, TREES} from './layout.ts'
import {endProcesses} from './processes.ts'

/** Ends and removes what a killed build left in a store that is kept. Only for when nothing is built. Returns the names removed. */
export function sweepEngine(): string[] {
  const folders = kindAt(LAYOUT.builds) === 'folder' ? fs.readdirSync(LAYOUT.builds).map(name => `${LAYOUT.builds}/${name}`) : []
  for (const folder of folders) {
    endProcesses({folder, pipe: null})
    removeTree(folder)
  }

  return [...folders, ...sweepTrees(TREES)]
}
