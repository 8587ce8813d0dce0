import {createHash} from 'node:crypto'
import {createWriteStream} from 'node:fs'
import {readFile, stat} from 'node:fs/promises'
import {availableParallelism} from 'node:os'
import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {createGzip} from 'node:zlib'
import {MAX_LEFT_PATHS, type ClosurePath, type LayerObject, type LeftPath} from '../../lib/build/record.ts'
import {keys} from '../../lib/bucket/keys.ts'
import type {ListedFile} from '../../lib/listing/listed-file.ts'
import {formatLine} from '../../lib/listing/listing-line.ts'
import {ListingMaker} from '../../lib/listing/make-listing.ts'
import {baseNameOf, hashPartOf} from '../../lib/nix/store-path.ts'
import {storePathsOf} from '../../lib/scan/needle.ts'
import {scanFiles} from '../../lib/scan/scan-files.ts'
import {fromText} from '../../lib/slug/byte-string.ts'
import type {SlugEntry} from '../../lib/slug/entry.ts'
import {layerDigest} from '../../lib/slug/layer-digest.ts'
import {writeLayer, type LayerSummary} from '../../lib/slug/layer.ts'
import {walkView} from '../../lib/slug/walk-view.ts'
import {parseRules} from '../../lib/slugexclude/parse-rules.ts'
import {containerNoter} from './container-noter.ts'

export interface LayerInput {
  /** where the closure's paths lie, `HASH-NAME` */
  view: string
  closure: readonly ClosurePath[]
  /** `/nix/store/HASH-NAME` */
  result: string
  engine: 'proot' | 'relocate'
  /** path of the source's .slugexclude, which need not be there */
  slugexclude: string
  /** files to write */
  layerFile: string
  listingFile: string
  signal: AbortSignal
}

export interface MadeLayer {
  layer: LayerObject
  listing: {sha256: string; size: number}
  summary: LayerSummary
  /** what in the layer still means the closure's paths in /nix/store, by a place in each file */
  unrewritten: LeftPath[]
  /** sentences about files that were not searched for them */
  notScanned: string[]
}

/**
 * Writes the layer and the listing of the same files into two local files, in one walk, and looks into what the layer holds
 * compressed or archived: all else was rewritten when the view was derived.
 */
export async function makeLayer({view, closure, result, engine, slugexclude, layerFile, listingFile, signal}: LayerInput): Promise<MadeLayer> {
  const text = await readFile(slugexclude).catch((error: unknown) => {
    if ((error as {code?: unknown}).code === 'ENOENT') {
      return null
    }

    throw error
  })
  const names = closure.map(path => baseNameOf(path.path))
  const containers = containerNoter()
  const listing = new ListingMaker({store: view, names: names.map(name => fromText(name)), prefixes: ['view'], jobs: availableParallelism()})
  const summary = await writeLayer({
    entries: listed(walkView(view, names)),
    rules: text && parseRules(text),
    result: baseNameOf(result),
    sink: createWriteStream(layerFile),
    signal,
  })
  const files = await listing.finish()
  await pipeline(Readable.from(lines(files)), createGzip({level: 9}), createWriteStream(listingFile))

  const notScanned: string[] = []
  const unrewritten = await scanFiles({
    tree: view, files: containers.paths, needle: storePathsOf(names.map(hashPartOf)), signal,
    onNotScanned: (file, reason) => notScanned.push(`${file} was not searched for store paths: ${reason}`),
  })

  const digest = layerDigest({closure, result, slugexclude: text, engine})
  return {
    layer: {key: keys.layer(digest), digest, sha256: summary.sha256, size: summary.size, unpackedSize: summary.unpackedSize},
    listing: {sha256: createHash('sha256').update(await readFile(listingFile)).digest('hex'), size: (await stat(listingFile)).size},
    summary, unrewritten: unrewritten.slice(0, MAX_LEFT_PATHS), notScanned,
  }

  async function* listed(entries: Iterable<SlugEntry>): AsyncGenerator<SlugEntry> {
    for (const entry of entries) {
      await listing.add(entry)
      yield containers.noted(entry)
    }
  }
}

function* lines(files: readonly ListedFile[]): Generator<string> {
  for (const file of files) yield formatLine(file)
}
