import {compareBytes, type ByteString} from '../slug/byte-string.ts'
import {TRANSFER_ROOT, type Judged} from './judge.ts'

/**
 * Paths relative to the folder that holds `store/`, itself included, a directory's with a slash at its end, sorted by their bytes:
 * what rsync would send, or would not.
 */
export function listPaths(judged: readonly Judged[], which: 'excluded' | 'kept'): ByteString[] {
  const wanted = which === 'kept'
  const paths = judged.filter(({kept}) => kept === wanted)
    .map(({listed: {path, kind}}) => `${TRANSFER_ROOT}${path}${kind === 'directory' ? '/' : ''}` as ByteString)
  // A folder of which nothing is left is not sent, and that is what all rules together can make of store/.
  const isRootKept = judged.some(({kept}) => kept)
  return [...isRootKept === wanted ? [TRANSFER_ROOT as ByteString] : [], ...paths].sort(compareBytes)
}
