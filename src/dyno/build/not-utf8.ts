import {isUtf8} from 'node:buffer'
import fs from 'node:fs'

/** What the JSON library in Nix says; Nix adds neither derivation nor attribute. */
const NIX_SAYS = 'json.exception.type_error.316'

/** Whether nix-build failed because Nix hands a derivation to an external builder as JSON, whose text is UTF-8. */
export function isAboutUtf8(nixLog: string): boolean {
  return nixLog.includes(NIX_SAYS)
}

/** A pair of the environment, which ends a derivation's text: `("name","value")`. All else in it is in longer or shorter brackets. */
const PAIR = /\("((?:[^"\\]|\\.)*)","((?:[^"\\]|\\.)*)"\)/gs

/**
 * What in a `.drv` is no UTF-8, in words; null where nothing is that would trouble Nix: it puts the attributes that
 * `passAsFile` names into files.
 */
export function notUtf8In(derivation: Buffer): string | null {
  if (isUtf8(derivation)) return null
  const text = derivation.toString('latin1')
  const pairs = [...text.matchAll(PAIR)].map(([, name = '', value = '']) => ({name, value}))
  const inFiles = (pairs.find(({name}) => name === 'passAsFile')?.value ?? '').split(/\s+/)
  const bad = pairs.filter(({value}) => !isUtf8(Buffer.from(value, 'latin1')))
  const names = bad.map(({name}) => name).filter(name => !inFiles.includes(name))
  if (names.length > 0) return `attribute ${names.join(', ')}`
  return isUtf8(Buffer.from(text.replaceAll(PAIR, ''), 'latin1')) ? null : 'arguments'
}

/** Each derivation of a store that has such text, with what it is: `HASH-NAME.drv: attribute text`. */
export function findNotUtf8(store: string): string[] {
  return fs.readdirSync(store).filter(name => name.endsWith('.drv')).sort().flatMap(name => {
    const what = notUtf8In(fs.readFileSync(`${store}/${name}`))
    return what === null ? [] : [`${name}: ${what}`]
  })
}
