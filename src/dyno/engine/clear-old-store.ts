import {randomBytes} from 'node:crypto'
import fs from 'node:fs'
import {dirname} from 'node:path'
import {kindAt} from '../../lib/view/entry.ts'
import {removeTree} from '../../lib/view/remove.ts'
import {LAYOUT} from './layout.ts'

/**
 * Moves aside what the app's current slug has of ours (a pruned view, a result) and deletes it: nothing of it is reused.
 * Moving is at once and cannot fail half-way; deleting may take its time.
 */
export function clearOldStore(paths: readonly string[] = [LAYOUT.view, LAYOUT.root, LAYOUT.result]): void {
  const aside = paths.filter(path => kindAt(path) !== null).map(path => {
    const name = `${dirname(path)}/.old-${randomBytes(8).toString('hex')}`
    fs.renameSync(path, name)
    return name
  })
  for (const name of aside) removeTree(name)
}
