import {EXIT, NixError} from '../errors.ts'
import {withoutControls} from '../output/without-controls.ts'
import {baseNameOf, isBaseName, STORE_DIR} from '../nix/store-path.ts'
import {normalHash} from './content-hash.ts'

/** A binary cache's description of a store path (nix: src/libstore/nar-info.cc). */
export interface NarInfo {
  /** `/nix/store/HASH-NAME` */
  storePath: string
  /** where the NAR is, relative to the cache */
  url: string
  /** `zstd`, `xz`, `bzip2`, `none`, … */
  compression: string
  /** `sha256:` + base-32 of what lies at `url`; some caches do not say */
  fileHash: string | null
  /** bytes of it */
  fileSize: number | null
  /** `sha256:` + base-32 of the NAR itself */
  narHash: string
  /** bytes */
  narSize: number
  /** store paths, sorted */
  references: string[]
  /** `HASH-NAME.drv` */
  deriver: string | null
  /** what the path's name was made from, where that is its content */
  ca: string | null
  /** `name:base64` each */
  signatures: string[]
}

/** Larger than any: a path that refers to ten thousand others. */
export const MAX_NARINFO = 1024 * 1024

const SINGLE = ['StorePath', 'URL', 'Compression', 'FileHash', 'FileSize', 'NarHash', 'NarSize', 'References', 'Deriver', 'CA'] as const

/**
 * Reads `HASH.narinfo`. Lines that nobody knows are passed over, as Nix does; known ones must be right.
 * @param where for messages: whose narinfo it is
 * @throws NixError BAD_NARINFO, which names the line
 */
export function parseNarInfo(text: string, where: string): NarInfo {
  const bad = (what: string) => new NixError(withoutControls(`Bad narinfo ${where}: ${what}.`), {code: 'BAD_NARINFO', exit: EXIT.verification})
  const values = new Map<string, string>()
  const signatures: string[] = []
  if (!text.endsWith('\n')) throw bad('it is cut off')
  for (const [n, line] of text.slice(0, -1).split('\n').entries()) {
    const colon = line.indexOf(': ')
    // An empty list of references is written with a space after the colon or without one.
    const [name, value] = colon < 0 ? [line.replace(/:$/, ''), ''] : [line.slice(0, colon), line.slice(colon + 2)]
    if (colon < 0 && !line.endsWith(':')) throw bad(`line ${n + 1} is ${JSON.stringify(line.slice(0, 80))}`)
    if (name === 'Sig') signatures.push(value)
    else if (values.has(name) && isSingle(name)) throw bad(`${name} comes twice`)
    else values.set(name, value)
  }

  const required = (name: string) => values.get(name) || fail(`it has no ${name}`)
  const hash = (name: string, value: string) => normalHash(value) ?? fail(`${name} is ${JSON.stringify(value)}, which is no sha256`)
  const size = (name: string, value: string) => /^\d{1,15}$/.test(value) ? Number(value) : fail(`${name} is ${JSON.stringify(value)}`)
  const optional = (name: string) => values.get(name) || null
  const storePath = required('StorePath')
  if (!isStorePath(storePath)) throw bad(`StorePath is ${JSON.stringify(storePath)}`)
  const [fileHash, fileSize, deriver] = [optional('FileHash'), optional('FileSize'), optional('Deriver')]
  return {
    storePath,
    url: required('URL'),
    // What it was before narinfos said so.
    compression: optional('Compression') ?? 'bzip2',
    fileHash: fileHash && hash('FileHash', fileHash),
    fileSize: fileSize === null ? null : size('FileSize', fileSize),
    narHash: hash('NarHash', required('NarHash')),
    narSize: size('NarSize', required('NarSize')),
    references: (values.get('References') ?? '').split(' ').filter(name => name !== '')
      .map(name => isBaseName(name) ? `${STORE_DIR}/${name}` : fail(`it refers to ${JSON.stringify(name)}`)).sort(),
    deriver: deriver === null || deriver === 'unknown-deriver' ? null : isBaseName(deriver) ? deriver : fail(`Deriver is ${JSON.stringify(deriver)}`),
    ca: optional('CA'),
    signatures,
  }

  function fail(what: string): never {
    throw bad(what)
  }
}

/** The text of `HASH.narinfo`, its lines in Nix's order. */
export function printNarInfo(info: NarInfo): string {
  const lines: [name: string, value: number | string | null][] = [
    ['StorePath', info.storePath], ['URL', info.url], ['Compression', info.compression],
    ['FileHash', info.fileHash], ['FileSize', info.fileSize], ['NarHash', info.narHash], ['NarSize', info.narSize],
    ['References', info.references.map(baseNameOf).join(' ')], ['Deriver', info.deriver],
    ...info.signatures.map(signature => ['Sig', signature] as [string, string]), ['CA', info.ca],
  ]
  return lines.filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${String(value)}\n`).join('')
}

function isSingle(name: string): boolean {
  return (SINGLE as readonly string[]).includes(name)
}

function isStorePath(path: string): boolean {
  return path.startsWith(`${STORE_DIR}/`) && isBaseName(path.slice(STORE_DIR.length + 1))
}
