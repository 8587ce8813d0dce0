import type {ClosurePath} from '../../lib/build/record.ts'
import {encodeBase32} from '../../lib/nix/base32.ts'

export interface Closure {
  /** sorted by path */
  paths: ClosurePath[]
  /** what made the result; null where Nix does not know it */
  drvPath: string | null
}

/**
 * Reads what `nix-store --dump-db PATHS` printed, whose format has not changed since Nix 0.x, unlike that of
 * `nix path-info --json`: for each path its name, the NAR's sha256 in base 16 and size, the deriver or an empty
 * line, the number of references and these (nix: src/libstore/store-api.cc, makeValidityRegistration).
 * @throws Error where it is anything else
 */
export function parseRegistrations(text: string, result: string): Closure {
  const lines = text.split('\n')
  if (lines.pop() !== '') {
    throw new Error('Nix\'s list of the closure is cut off.')
  }

  const paths: ClosurePath[] = []
  let drvPath: string | null = null
  for (let at = 0; at < lines.length;) {
    const [path = '', hash = '', size = '', deriver = '', count = ''] = lines.slice(at, at + 5)
    const references = lines.slice(at + 5, at + 5 + Number(count))
    if (!/^[0-9a-f]{64}$/.test(hash) || !/^\d+$/.test(size) || !/^\d+$/.test(count) || references.length !== Number(count)) {
      throw new Error(`Nix's list of the closure is not understood from line ${at + 1} on: ${path}`)
    }

    at += 5 + references.length
    paths.push({path, narHash: `sha256:${encodeBase32(Buffer.from(hash, 'hex'))}`, narSize: Number(size), references: references.sort(compare)})
    if (path === result) {
      drvPath = deriver || null
    }
  }

  return {paths: paths.sort((a, b) => compare(a.path, b.path)), drvPath}
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
