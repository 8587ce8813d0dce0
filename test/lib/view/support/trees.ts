import fs from 'node:fs'
import os from 'node:os'
import {removeTree} from '../../../../src/lib/view/remove.ts'
import type {Trees} from '../../../../src/lib/view/view.ts'

/** Two empty trees in a temporary folder. */
export interface TestTrees extends Trees, Disposable {
  root: string
}

export function makeTrees(parent = os.tmpdir()): TestTrees {
  const root = fs.mkdtempSync(`${parent}/trees-`)
  const trees = {root, canonical: `${root}/store`, view: `${root}/nixs`}
  fs.mkdirSync(trees.canonical)
  fs.mkdirSync(trees.view)
  return {...trees, [Symbol.dispose]: () => removeTree(root)}
}

/** In memory where there is room for so many bytes: gigabytes take a disk their time. */
export function roomyFolder(bytes: number): string {
  const {bavail, bsize} = fs.existsSync('/dev/shm') ? fs.statfsSync('/dev/shm') : {bavail: 0, bsize: 0}
  return bavail * bsize > bytes ? '/dev/shm' : os.tmpdir()
}

/** Everything at and below a path: `MODE MTIME CONTENT`, a symlink's target after an arrow. */
export function listing(path: string): Record<string, string> {
  const found: Record<string, string> = {}
  const visit = (at: string, name: string) => {
    const stats = fs.lstatSync(at)
    const about = `${(stats.mode & 0o7777).toString(8)} ${stats.mtimeMs / 1000}`
    if (stats.isSymbolicLink()) found[name] = `-> ${fs.readlinkSync(at)}`
    else if (stats.isFile()) found[name] = `${about} ${fs.readFileSync(at, 'utf8')}`
    else {
      found[name] = about
      for (const entry of fs.readdirSync(at)) visit(`${at}/${entry}`, name === '.' ? entry : `${name}/${entry}`)
    }
  }

  visit(path, '.')
  return found
}
