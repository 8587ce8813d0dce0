import {existsSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {Ajv} from 'ajv'
import addFormatsModule from 'ajv-formats'
import {matchPattern} from '../../../standin/platform/http/route.ts'

interface Link {
  href: string
  method: string
  targetSchema?: object
}

interface PublishedSchema {
  definitions: Record<string, {
    links?: Link[]
    definitions: Record<string, {pattern?: string}>
    properties?: object
    required?: string[]
    strictProperties?: boolean
  }>
}

/** Where the published schema is looked for: HEROKU_PLATFORM_SCHEMA, or beside the project. */
export const SCHEMA_FILE = process.env['HEROKU_PLATFORM_SCHEMA']
  ?? join(import.meta.dirname, '../../../../shared/reference/heroku-platform-api/schema-3.sdk.json')

export type Validate = (method: string, path: string, body: unknown) => {kind: 'invalid'; errors: string} | {kind: 'unknown'} | {kind: 'valid'}

/** Checks answers against the schema that Heroku publishes at GET /schema; null where the file is absent. */
export function loadSchema(): Validate | null {
  if (!existsSync(SCHEMA_FILE)) return null
  const schema = JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')) as PublishedSchema
  // The schema allows no web_url but Heroku's own. The rest of it holds as published.
  delete schema.definitions['app']?.definitions['web_url']?.pattern

  // What Heroku's own tools mean by it: every property is there.
  for (const definition of Object.values(schema.definitions)) {
    if (definition.strictProperties) definition.required = Object.keys(definition.properties ?? {})
  }

  // `strict` would refuse what a draft 4 hyper-schema has beside JSON Schema: links, stability.
  const ajv = new Ajv({strict: false, allErrors: true, schemas: {heroku: withoutDraft(schema)}})
  // The module is CommonJS, whose default export TypeScript sees one level up.
  const addFormats = addFormatsModule as unknown as typeof addFormatsModule.default
  addFormats(ajv)
  const links = Object.entries(schema.definitions).flatMap(([resource, {links: own = []}]) => own.map(link => ({resource, ...link})))

  return (method, path, body) => {
    const targets = links.filter(link => link.method === method && link.targetSchema && matchPattern(patternOf(link.href), path))
    if (targets.length === 0) return {kind: 'unknown'}
    const failures = targets.map(({targetSchema}) => {
      const validate = ajv.compile(absolute(targetSchema ?? {}))
      return validate(body) ? null : ajv.errorsText(validate.errors)
    })
    return failures.includes(null) ? {kind: 'valid'} : {kind: 'invalid', errors: failures.join('\n')}
  }
}

/** `/apps/{(%23%2Fdefinitions%2Fapp…)}` as a pattern of ours. */
function patternOf(href: string): string {
  return href.split('/').map(part => part.startsWith('{') ? '{any}' : part).join('/')
}

/** A target's references are meant from the root of the schema. */
function absolute(target: object): object {
  return JSON.parse(JSON.stringify(target).replaceAll('"$ref":"#/', '"$ref":"heroku#/')) as object
}

/** Ajv knows newer drafts; what the schema uses means the same in them. */
function withoutDraft(schema: object): object {
  return JSON.parse(JSON.stringify(schema, (key, value: unknown) => key === '$schema' || key === 'id' && typeof value === 'string' ? undefined : value)) as object
}
