import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import path from 'node:path'
import type {SucceededBuild} from '../build/record.ts'
import {transferBar} from '../output/progress.ts'
import {formatBytes} from '../output/units.ts'
import type {SlugRequest} from '../platform/types.ts'
import {assembleSlug, slugChecksum, type Slug} from '../slug/assemble.ts'
import {chooseVia, type Via} from './choose-via.ts'
import {fetchLayer, fetchSourcePart, layerPart} from './fetch-parts.ts'
import {orderWorld, prepareOrder} from './prepare-order.ts'
import {processTypes} from './procfile.ts'
import {putSlug} from './put-slug.ts'
import type {RedeployWorld} from './redeploy-world.ts'
import {sendByDyno} from './send-by-dyno.ts'

export interface Uploaded {
  /** the slug's id */
  slug: string
  /** bytes */
  size: number
  via: Via
}

export interface UploadOptions {
  marker: string
  /** asked for; null: by the slug's size */
  via: Via | null
  /** bytes, above which a dyno moves the slug */
  viaDynoAbove: number
}

/** Makes the slug out of source and layer, and gives it to Heroku. */
export async function uploadSlug(record: SucceededBuild, {marker, via: asked, viaDynoAbove}: UploadOptions, world: RedeployWorld): Promise<Uploaded> {
  const {app, bucket, scripts, tell} = world
  const folder = await mkdtemp(path.join(tmpdir(), 'heroku-nix-slug-'))
  try {
    const source = await tell.step('Fetching the source', () => fetchSourcePart(bucket, record, {folder, scripts}))
    for (const warning of source.warnings) tell.warn(warning)
    const types = processTypes(source.procfile, record.outcome.programs)
    // The limit is checked here, before anything large moves.
    const slug = await assembleSlug({sourcePart: source.part, layer: layerPart(record, folder)})
    const via = chooseVia(asked, slug.size, viaDynoAbove)
    const request: SlugRequest = {
      process_types: types, stack: app.stack, commit: record.source.commit ?? record.source.tree,
      commit_description: `Nix build ${record.id}, ${marker}`, buildpack_provided_description: 'Nix',
    }
    const uploaded = via === 'local' ? await sendFromHere(slug, request, {record, folder}, world) : await sendFromDyno(slug, request, record, world)
    return {...uploaded, via}
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}

async function sendFromHere(slug: Slug, request: SlugRequest, {record, folder}: {record: SucceededBuild; folder: string}, {platform, bucket, tell}: RedeployWorld): Promise<Omit<Uploaded, 'via'>> {
  const {layer} = record.outcome
  tell.say(`The slug has ${formatBytes(slug.size)}; ${formatBytes(layer.size)} come from the bucket, ${formatBytes(slug.size)} go to Heroku`)
  await tell.step('Fetching the layer', () => fetchLayer(bucket, record, {folder, onProgress: transferBar(layer.size, tell.status)}))
  const created = await platform.createSlug({...request, checksum: await slugChecksum(slug)})
  await tell.step('Uploading the slug', () => putSlug(created.blobUrl, slug, transferBar(slug.size, tell.status)))
  return {slug: created.id, size: slug.size}
}

async function sendFromDyno(slug: Slug, request: SlugRequest, record: SucceededBuild, world: RedeployWorld): Promise<Omit<Uploaded, 'via'>> {
  const {platform, tell} = world
  tell.say(`The slug has ${formatBytes(slug.size)}; a dyno moves it from the bucket to Heroku`)
  const options = await prepareOrder(record, world)
  // Only now, because the slug's URL is good for an hour.
  const created = await platform.createSlug(request)
  const {size} = await tell.step('Uploading the slug', () => sendByDyno({...options, slug: created}, orderWorld(world, 'making it')), ({dyno}) => `done, by ${dyno}`)
  return {slug: created.id, size}
}
