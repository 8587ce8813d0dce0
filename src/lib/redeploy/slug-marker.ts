import {createHash} from 'node:crypto'
import type {SucceededBuild} from '../build/record.ts'
import {LAYER_FORMAT} from '../slug/layer-digest.ts'
import type {RunTimeScripts} from '../slug/run-time-scripts.ts'

/** Changes whenever equal inputs would give another slug. */
const SLUG_FORMAT = 1

/** What a slug says about itself in `.heroku/nix/source.json`: facts that equal slugs share. */
export function slugFacts({source: {tree, sha256}, outcome: {engine, result, layer}}: SucceededBuild): Record<string, unknown> {
  return {format: SLUG_FORMAT, tree, source: sha256, engine, result, layer: layer.digest}
}

/**
 * Names all that a slug is made of, so that one that an app has is found without making it again. It stands in the
 * slug's `commit_description`, because what Heroku keeps can be trusted, unlike what lies in the bucket.
 */
export function slugMarker(record: SucceededBuild, scripts: RunTimeScripts, stack: string): string {
  const {layer, programs} = record.outcome
  const inputs = [SLUG_FORMAT, LAYER_FORMAT, slugFacts(record), layer.sha256, programs, scripts, stack]
  return `nix-slug-${createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 40)}`
}
