import type {LeftPath} from '../build/record.ts'
import {baseNameOf} from '../nix/store-path.ts'

const SHOWN = 5

/** `HASH-NAME/share/x.tar.gz > a/b.txt @ 1234` */
export function describePlace({path, file, inside, offset}: LeftPath): string {
  const outer = `${path.slice(path.lastIndexOf('/') + 1)}${file === '' ? '' : `/${file}`}`
  return `${[outer, ...inside].join(' > ')} @ ${offset}`
}

/** Lines for a build's log: what was left in outputs that are about to be registered, what that means and what to do. */
export function describeTainted({inFiles, named}: {inFiles: readonly LeftPath[]; named: readonly LeftPath[]}): string[] {
  return [
    ...(inFiles.length === 0 ? [] : [
      `warning: ${files(inFiles.length)} of this output ${inFiles.length === 1 ? 'holds' : 'hold'} /app/.nixs/ in what the builder compressed, where it could not be made /nix/store/ again:`,
      ...shown(inFiles),
    ]),
    ...(named.length === 0 ? [] : [
      'warning: the builder made folders app/.nixs in this output, which are nix/store under a real /nix/store:',
      ...named.slice(0, SHOWN).map(({path, file}) => `  ${baseNameOf(path)}/${file}`),
    ]),
    'Dynos can use it; a machine with a real /nix/store would look for paths that it lacks, so this output is kept out of the cache that others read.',
    `Leave those ${named.length === 0 ? 'files uncompressed or store paths out of them' : 'out of the output'}, or publish it all the same: heroku config:set NIX_CACHE_TAINTED=publish`,
  ]
}

/** A warning about what will be in the slug, with what to do; null where there is nothing to warn of. */
export function describeUnrewritten(places: readonly LeftPath[]): string | null {
  if (places.length === 0) return null
  return [
    `${files(places.length)} in the slug ${places.length === 1 ? 'holds' : 'hold'} /nix/store/ in what is compressed, where it could not be made /app/.nixs/; dynos have no /nix/store:`,
    ...shown(places),
    'Manuals and sources do no harm. What the app reads when it runs has to be uncompressed in the build; what it does not need can go into .slugexclude.',
  ].join('\n')
}

function shown(places: readonly LeftPath[]): string[] {
  const more = places.length - SHOWN
  return [...places.slice(0, SHOWN).map(place => `  ${describePlace(place)}`), ...(more > 0 ? [`  and ${more} more; the build's record has them`] : [])]
}

function files(count: number): string {
  return `${count} file${count === 1 ? '' : 's'}`
}
