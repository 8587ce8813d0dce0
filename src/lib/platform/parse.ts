import {EXIT, NixError} from '../errors.ts'
import type {App, BuildInfo, DynoInfo, ProcessType, Region, Release, SlugInfo, SourceInfo} from './types.ts'

/** A reader of one JSON object of the API; each getter names the field that was not as the schema has it. */
interface Fields {
  text(name: string): string
  optionalText(name: string): string | null
  number(name: string): number
  optionalNumber(name: string): number | null
  truth(name: string): boolean
  /** the object in a field, null when the field is null or absent */
  object(name: string): Fields | null
  texts(): Record<string, string>
}

/** Names what it reads, so that a message can say which answer was odd. */
export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw oddAnswer(what, value)
  const record: Record<string, unknown> = {...value}
  const must = <T>(name: string, accepted: T | null): T => {
    if (accepted === null) throw oddAnswer(`${what}.${name}`, record[name])
    return accepted
  }

  const optionalText = (name: string) => (typeof record[name] === 'string' ? record[name] : null)
  const optionalNumber = (name: string) => (typeof record[name] === 'number' ? record[name] : null)
  return {
    text: name => must(name, optionalText(name)),
    optionalText,
    number: name => must(name, optionalNumber(name)),
    optionalNumber,
    truth: name => record[name] === true,
    object: name => (record[name] === null || record[name] === undefined ? null : fieldsOf(record[name], `${what}.${name}`)),
    texts: () => Object.fromEntries(Object.keys(record).map(name => [name, must(name, optionalText(name))])),
  }
}

export function listOf<T>(value: unknown, what: string, parse: (item: unknown) => T): T[] {
  if (!Array.isArray(value)) throw oddAnswer(what, value)
  return value.map(item => parse(item))
}

export function parseApp(value: unknown): App {
  const app = fieldsOf(value, 'app')
  return {
    id: app.text('id'), name: app.text('name'),
    region: nameIn(app, 'region') ?? 'us',
    stack: nameIn(app, 'stack') ?? '',
    generation: app.optionalText('generation') ?? nameIn(app, 'generation') ?? 'cedar',
    space: nameIn(app, 'space'),
    webUrl: app.optionalText('web_url'),
    slugSize: app.optionalNumber('slug_size'),
  }
}

export function parseRegion(value: unknown): Region {
  const region = fieldsOf(value, 'region')
  return {name: region.text('name'), provider: region.object('provider')?.optionalText('region') ?? null}
}

export function parseDyno(value: unknown): DynoInfo {
  const dyno = fieldsOf(value, 'dyno')
  return {
    id: dyno.text('id'), name: dyno.text('name'), command: dyno.text('command'), size: dyno.optionalText('size') ?? '',
    state: dyno.text('state'), type: dyno.text('type'),
    releaseVersion: dyno.object('release')?.optionalNumber('version') ?? null,
  }
}

export function parseSlug(value: unknown): SlugInfo {
  const slug = fieldsOf(value, 'slug')
  return {
    id: slug.text('id'), checksum: slug.optionalText('checksum'), size: slug.optionalNumber('size'),
    commit: slug.optionalText('commit'), commitDescription: slug.optionalText('commit_description'),
    processTypes: slug.object('process_types')?.texts() ?? {},
    blobUrl: slug.object('blob')?.text('url') ?? '',
  }
}

export function parseRelease(value: unknown): Release {
  const release = fieldsOf(value, 'release')
  return {
    id: release.text('id'), version: release.number('version'), status: release.optionalText('status') ?? 'succeeded',
    current: release.truth('current'), description: release.optionalText('description') ?? '',
    slugId: release.object('slug')?.text('id') ?? null, outputStreamUrl: release.optionalText('output_stream_url'),
  }
}

export function parseSource(value: unknown): SourceInfo {
  const blob = fieldsOf(value, 'source').object('source_blob')
  if (blob === null) throw oddAnswer('source.source_blob', undefined)
  return {putUrl: blob.text('put_url'), getUrl: blob.text('get_url')}
}

export function parseBuild(value: unknown): BuildInfo {
  const build = fieldsOf(value, 'build')
  return {
    id: build.text('id'), status: build.text('status'), outputStreamUrl: build.text('output_stream_url'),
    sourceUrl: build.object('source_blob')?.optionalText('url') ?? null,
    slugId: build.object('slug')?.optionalText('id') ?? null, releaseId: build.object('release')?.optionalText('id') ?? null,
  }
}

export function parseProcessType(value: unknown): ProcessType {
  const process = fieldsOf(value, 'formation')
  return {
    type: process.text('type'), command: process.optionalText('command') ?? '', quantity: process.number('quantity'),
    size: process.optionalText('size') ?? nameIn(process, 'dyno_size') ?? '',
  }
}

/** The identity a list or PUT of buildpacks takes: a URL, or a registry name's `urn:buildpack:…`. */
export function parseBuildpack(value: unknown): string {
  const buildpack = fieldsOf(value, 'buildpack-installation').object('buildpack')
  return buildpack?.optionalText('url') ?? buildpack?.text('name') ?? ''
}

/** A field that holds {name} in one schema and a string in another. */
function nameIn(fields: Fields, name: string): string | null {
  return fields.optionalText(name) ?? fields.object(name)?.optionalText('name') ?? null
}

function oddAnswer(what: string, value: unknown): NixError {
  return new NixError(`Heroku's answer is not as its API describes: ${what} is ${value === undefined ? 'missing' : typeof value}.`, {
    code: 'ODD_ANSWER', exit: EXIT.unavailable, suggestions: ['heroku update', 'heroku plugins:update'],
  })
}
