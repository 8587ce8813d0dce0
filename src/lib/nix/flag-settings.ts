/** One of Nix's settings, as a command's flags have it. */
export interface FlagSetting {
  /** without `extra-` */
  name: string
  value: string
  /** to what the setting holds already */
  adds: boolean
}

/**
 * What flags say of certain settings, in order: `--option NAME VALUE` and `--NAME VALUE`, where `extra-` before a name adds.
 * @param flags split into words
 */
export function* settingsInFlags(flags: readonly string[], names: readonly string[]): Generator<FlagSetting> {
  for (let at = 0; at < flags.length; at += 1) {
    const flag = flags[at] ?? ''
    const isOption = flag === '--option'
    const given = isOption ? flags[at + 1] ?? '' : flag.startsWith('--') ? flag.slice(2) : ''
    const adds = given.startsWith('extra-')
    const name = adds ? given.slice('extra-'.length) : given
    const isKnown = names.includes(name)
    if (isOption) at += 2
    else if (isKnown) at += 1
    if (isKnown) yield {name, value: flags[at] ?? '', adds}
  }
}

/** A list's words, as Nix splits them. */
export function wordsOf(value: string): string[] {
  return value.split(/\s+/).filter(word => word !== '')
}
