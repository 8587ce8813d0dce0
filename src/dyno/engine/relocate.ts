import {ensureInView} from '../../lib/view/view.ts'
import {LAYOUT, TREES} from './layout.ts'
import {plainDataOf} from './plain-data.ts'

/** Derives the valid paths (`HASH-NAME`) that the view lacks; `onProgress` is called every few milliseconds. Returns how many. */
export function relocate(baseNames: readonly string[], onProgress?: () => void): number {
  const {isPlainData, close} = plainDataOf(LAYOUT.database)
  try {
    return ensureInView(TREES, baseNames, {isPlainData, ...(onProgress ? {onProgress} : {})})
  } finally {
    close()
  }
}
