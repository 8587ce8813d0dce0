import {randomBytes} from 'node:crypto'
import fs from 'node:fs'
import {dirname} from 'node:path'
import {kindAt} from '../../lib/view/entry.ts'
import {removeTree} from '../../lib/view/remove.ts'
import {LAYOUT} from './layout.ts'
import {endProcesses} from './processes.ts'

/**
 * Moves aside what the app's current slug has of ours (a pruned view, a result), or what a killed build left, and deletes it:
 * nothing of it is reused, and no builder of it goes on. Moving is at once and cannot fail half-way; deleting may take its time.
 */
export function clearOldStore(paths: readonly string[] = [LAYOUT.view, LAYOUT.root, LAYOUT.result], builds: string = LAYOUT.builds): void {
  if (kindAt(builds) === 'folder') for (const name of fs.readdirSync(builds)) endProcesses({folder: `${builds}/${name}`, pipe: null})
  const aside = paths.filter(path => kindAt(path) !== null).map(path => {
    const name = `${dirname(path)}/.old-${randomBytes(8).toString('hex')}`
    fs.renameSync(path, name)
    return name
  })
  for (const name of aside) removeTree(name)
}
