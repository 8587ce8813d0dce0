import fs, {createWriteStream} from 'node:fs'
import type {Bucket} from '../../src/lib/bucket/bucket.ts'
import {keys} from '../../src/lib/bucket/keys.ts'
import type {Outcome} from '../../src/lib/build/record.ts'
import {publishLayer} from '../../src/lib/layers/publish-layer.ts'
import {parseSecretKey} from '../../src/lib/signing/nix-key.ts'
import {layerDigest} from '../../src/lib/slug/layer-digest.ts'
import {writeLayer, type LayerSummary} from '../../src/lib/slug/layer.ts'
import {walkView} from '../../src/lib/slug/walk-view.ts'
import {parseRules} from '../../src/lib/slugexclude/parse-rules.ts'
import {makeModesCanonical} from '../../src/lib/view/canonical-modes.ts'
import {ensureInView} from '../../src/lib/view/view.ts'
import {save} from '../lib/restore/support/saved-store.ts'
import type {TestTrees} from '../lib/view/support/trees.ts'

export const APP = `${'a'.repeat(32)}-hello`
export const LIBRARY = `${'b'.repeat(32)}-library`

/** A closure of two paths as a build would have it: `bin/hello` in one, a library and documentation in the other. */
export interface PlayedClosure {
  /** Does in the bucket what a build does: paths, and a layer of all of them. */
  save: (bucket: Bucket, signingKey: string) => Promise<Pick<Outcome, 'closure' | 'layer' | 'result'>>
  /** The layer that a build with a .slugexclude makes, in a file. */
  layer: (rules: string | null, file: string) => Promise<LayerSummary>
}

/** @param program of bin/hello, a shell script */
export function playedClosure(trees: TestTrees, program: string): PlayedClosure {
  const write = (file: string, content: string, mode = 0o644) => {
    const place = `${trees.canonical}/${file}`
    fs.mkdirSync(place.slice(0, place.lastIndexOf('/')), {recursive: true})
    fs.writeFileSync(place, content, {mode})
  }

  write(`${APP}/bin/hello`, `#!/bin/bash\n# /nix/store/${LIBRARY}/lib\n${program}`, 0o755)
  write(`${LIBRARY}/lib/libx.so`, `/nix/store/${LIBRARY}/lib`)
  write(`${LIBRARY}/share/doc/text`, 'documentation '.repeat(1000))
  for (const name of [APP, LIBRARY]) makeModesCanonical(`${trees.canonical}/${name}`)
  ensureInView(trees, [APP, LIBRARY])
  const layer: PlayedClosure['layer'] = (rules, file) => writeLayer({
    entries: walkView(trees.view, [APP, LIBRARY]), rules: rules === null ? null : parseRules(rules), result: APP, sink: createWriteStream(file),
  })
  return {
    layer,
    async save(bucket, signingKey) {
      const key = parseSecretKey(signingKey)
      const infos = [await save(bucket, trees.canonical, APP, {key, references: [LIBRARY]}), await save(bucket, trees.canonical, LIBRARY, {key, references: [LIBRARY]})]
      const closure = infos.map(({storePath: path, narHash, narSize, references}) => ({path, narHash, narSize, references}))
      const result = `/nix/store/${APP}`
      const file = `${trees.root}/layer`
      const {sha256, size, unpackedSize} = await layer(null, file)
      const digest = layerDigest({closure, result, engine: 'relocate', slugexclude: null})
      const made = {key: keys.layer(digest), digest, sha256, size, unpackedSize}
      await publishLayer(bucket, made, {file, key})
      return {closure, result, layer: made}
    },
  }
}
