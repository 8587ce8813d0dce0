import type {ImageRecord} from './ensure.ts'
import type {Stack} from './stack.ts'

/** Says in Markdown how an image differs from the stack that it stands for. */
export function differencesTable(stack: Stack, {distribution, counterparts, packages}: ImageRecord): string {
  const versions = new Map(packages.map(({name, version}) => [name, upstreamVersion(version)]))
  const had = counterparts.flatMap(found => found.kind === 'none' ? [] : [found])
  const wanted = new Set(had.map(({name}) => name))
  const byName = new Map(had.map(found => [found.wanted, found.name]))
  return [
    `Made on ${distribution}: ${packages.length} packages for the ${stack.packages.length} of ${stack.stack}.`,
    '',
    `| package | ${stack.distribution} | ${distribution} |`,
    '| --- | --- | --- |',
    ...Object.entries(stack.versions).map(([name, version]) => {
      const other = byName.get(name)
      const here = other === undefined ? 'none' : `${versions.get(other) ?? 'none'}${other === name ? '' : ` (${other})`}`
      return `| ${name} | ${version} | ${here === version ? 'the same' : here} |`
    }),
    '',
    `Under another name (a suffix \`t64\` aside): ${list(had.filter(({wanted: theirs, name}) => theirs.replace(/t64$/, '') !== name.replace(/t64$/, ''))
      .map(({wanted: theirs, name}) => `${theirs} → ${name}`))}.`,
    '',
    `Without a counterpart: ${list(counterparts.flatMap(found => found.kind === 'none' ? [`${found.wanted} (${found.reason})`] : []))}.`,
    '',
    `Only here, because packages of ${distribution} depend on them: ${list(packages.map(({name}) => name).filter(name => !wanted.has(name)))}.`,
  ].join('\n')
}

/** `1:9.2p1-2+deb12u7` → `9.2p1`; `5.6.1+really5.4.5-1` → `5.4.5` */
export function upstreamVersion(version: string): string {
  return version.replace(/^\d+:/, '').replace(/-[^-]*$/, '').replace(/^.*\+really/, '').replace(/[+~](?:deb|dfsg|ds|git|repack).*$/, '').replace(/\.dfsg.*$/, '')
}

function list(words: readonly string[]): string {
  return words.length === 0 ? 'none' : words.toSorted().join(', ')
}
