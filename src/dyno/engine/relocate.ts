import {ensureInView} from '../../lib/view/view.ts'
import {LAYOUT, TREES} from './layout.ts'
import {plainDataOf} from './plain-data.ts'

/** Derives the valid paths (`HASH-NAME`) that the view lacks; `onDerived` is called after each. Returns how many. */
export function relocate(baseNames: readonly string[], onDerived?: (baseName: string) => void): number {
  const {isPlainData, close} = plainDataOf(LAYOUT.database)
  try {
    return ensureInView(TREES, baseNames, {isPlainData, ...(onDerived ? {onDerived} : {})})
  } finally {
    close()
  }
}
