import {EXIT, NixError} from '../errors.ts'
import {fromText, toText, type ByteString} from '../slug/byte-string.ts'
import {nameOf, type ClosureGraph, type Step} from './closure-graph.ts'
import type {Judged} from './judge.ts'

/** Why something is in the slug, or is not. */
export type Why =
  | {kind: 'referred'; path: ByteString; chain: Step[]}
  /** It is in the result, or is a path that nothing refers to where no result is known. */
  | {kind: 'root'; path: ByteString}
  | {kind: 'unreferenced'; path: ByteString}
  | {kind: 'dropped'; judged: Judged}

/**
 * Answers "why is gcc kept?".
 * @param asked a part of a path: of a store path's name, or with slashes, of anything in one
 * @throws NixError NO_SUCH_PATH
 */
export function why(asked: string, judged: readonly Judged[], graph: ClosureGraph): Why {
  const wanted = fromText(asked.replace(/^(.*\/)?(store|\.nixs)\//, '').replace(/\/$/, ''))
  const matches = judged.filter(({listed: {path}}) => (wanted.includes('/') ? path : nameOf(path)).includes(wanted))
  const [first] = matches
  if (first === undefined) {
    throw new NixError(`The closure has no path with "${asked}" in its name.`, {
      code: 'NO_SUCH_PATH', exit: EXIT.usage, suggestions: ['heroku nix:slugexclude:check --list kept'],
    })
  }

  const kept = matches.filter(one => one.kept)
  if (kept[0] === undefined) return {kind: 'dropped', judged: first}
  let shortest: {path: ByteString; chain: Step[]} | null = null
  for (const {listed: {path}} of kept) {
    const chain = graph.chainTo(path)
    if (chain !== null && (shortest === null || chain.length < shortest.chain.length)) shortest = {path, chain}
  }

  if (shortest === null) return {kind: 'unreferenced', path: kept[0].listed.path}
  return shortest.chain.length === 0 ? {kind: 'root', path: shortest.path} : {kind: 'referred', ...shortest}
}

/** `name` of `HASH-NAME/…`, short enough to be read; with what lies in it. */
export function shortPath(path: ByteString): string {
  return toText(path).replace(/^[0-9a-df-np-sv-z]{32}-/, '')
}
