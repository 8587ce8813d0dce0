import * as v from 'valibot'
import type {ClosurePath} from '../../lib/build/record.ts'
import {encodeBase32} from '../../lib/nix/base32.ts'

export interface Closure {
  /** sorted by path */
  paths: ClosurePath[]
  /** deriver of the result; null where Nix does not know it */
  drvPath: string | null
}

const info = v.object({
  narHash: v.string(),
  narSize: v.number(),
  references: v.array(v.string()),
  deriver: v.nullish(v.string()),
})
const schema = v.record(v.string(), v.nullable(info))

/** Reads what `nix path-info --json --recursive RESULT` printed. @throws Error where it is anything else */
export function parsePathInfo(json: string, result: string): Closure {
  const infos = v.parse(schema, JSON.parse(json))
  const paths = Object.entries(infos).map(([path, value]): ClosurePath => {
    if (!value) {
      throw new Error(`Nix says that ${path} of the closure is not valid.`)
    }

    return {path, narHash: base32Hash(value.narHash), narSize: value.narSize, references: value.references.toSorted(compare)}
  })
  return {paths: paths.sort((a, b) => compare(a.path, b.path)), drvPath: infos[result]?.deriver ?? null}
}

/** `sha256:` + Nix base-32 of either spelling of it: that, or SRI's `sha256-base64`. */
function base32Hash(hash: string): string {
  return hash.startsWith('sha256-') ? `sha256:${encodeBase32(Buffer.from(hash.slice(7), 'base64'))}` : hash
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
