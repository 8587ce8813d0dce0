import {createApp, currentSlug, timestamp} from '../../state/apps.ts'
import type {AppRecord} from '../../state/model.ts'
import type {Context} from '../context.ts'
import {Body} from '../http/body.ts'
import {ApiError, invalid} from '../http/errors.ts'
import {page} from '../http/paging.ts'
import type {Answer, Call, Route} from '../http/route.ts'
import {created, ok} from '../http/route.ts'
import {appRoute} from './find-app.ts'
import {reference} from './named-id.ts'
import {chooseRegion} from './regions.ts'
import {chooseStack, DEFAULT_STACK} from './stacks.ts'

const NAME = /^[a-z][a-z0-9-]{1,28}[a-z0-9]$/
const CREATE_FIELDS = ['feature_flags', 'internal_routing', 'kernel', 'locked', 'name', 'region', 'space', 'stack', 'team']

/** Schema: app. Teams and spaces are not created here: what makes an app one of a space is a setting of the stand-in. */
export function appRoutes(context: Context): Route[] {
  const {store} = context
  const list = ({headers}: Call) => page(store.state.apps.map(app => appView(app, context)), headers.range, ['name', 'id', 'updated_at'])
  return [
    {method: 'GET', pattern: '/apps', handle: list},
    {method: 'GET', pattern: '/users/{user}/apps', handle: list},
    {method: 'POST', pattern: '/apps', handle: ({body}) => create(context, body)},
    appRoute(context, 'GET', '', app => ok(appView(app, context))),
    appRoute(context, 'PATCH', '', (app, {body}) => update(context, app, body)),
    appRoute(context, 'DELETE', '', app => destroy(context, app)),
  ]
}

export function appView(app: AppRecord, {store, apiUrl}: Pick<Context, 'apiUrl' | 'store'>) {
  const {id, email} = store.state.account
  return {
    id: app.id, name: app.name, acm: false, archived_at: null, base_image_name: null,
    build_stack: reference('stack', app.buildStack), stack: reference('stack', app.stack), buildpack_provided_description: currentSlug(app)?.buildpackDescription ?? null,
    buildpacks: [], current_build_architecture: [], generation: app.generation, internal_routing: null, maintenance: app.maintenance,
    git_url: `https://git.heroku.com/${app.name}.git`, owner: {id, email}, organization: null, team: null,
    region: reference('region', app.region), released_at: app.releasedAt, repo_size: null, slug_size: currentSlug(app)?.size ?? null,
    space: app.space, created_at: app.createdAt, updated_at: app.updatedAt,
    // The schema knows Heroku's own domain alone.
    web_url: `http://${new URL(apiUrl()).hostname}:${app.webPort ?? 0}/`,
    // Not in the schema; the CLI reads it to tell eco apps.
    process_tier: app.settings.tier,
  }
}

async function create(context: Context, given: unknown): Promise<Answer> {
  const {store, source} = context
  const body = new Body(given, CREATE_FIELDS)
  for (const field of ['space', 'team']) {
    if (body.string(field) !== null) throw invalid(`The stand-in cannot create an app with a ${field}.`)
  }

  const name = body.string('name') ?? `nameless-app-${source.secret(4)}`
  checkName(context, name)
  const app = createApp(name, {
    region: chooseRegion(body.string('region') ?? 'us'), stack: chooseStack(body.string('stack') ?? DEFAULT_STACK),
  }, source)
  // Before the first await, so that of two apps of one name the second is refused.
  store.state.apps.push(app)
  await context.openRouter(app)
  store.save()
  return created(appView(app, context))
}

function update(context: Context, app: AppRecord, given: unknown): Answer {
  const body = new Body(given, ['build_stack', 'maintenance', 'name'])
  const name = body.string('name') ?? app.name
  if (name !== app.name) checkName(context, name)
  const buildStack = chooseStack(body.string('build_stack') ?? app.buildStack)
  const maintenance = body.boolean('maintenance') ?? app.maintenance
  Object.assign(app, {name, buildStack, maintenance, updatedAt: timestamp(context.source.now())})
  context.store.save()
  return ok(appView(app, context))
}

async function destroy(context: Context, app: AppRecord): Promise<Answer> {
  const view = appView(app, context)
  const {store, dynos, slugs, logs} = context
  store.state.apps = store.state.apps.filter(other => other !== app)
  store.save()
  dynos.dropApp(app)
  await context.builds.dropApp(app)
  await context.git.dropApp(app)
  await context.closeRouter(app)
  await Promise.all(app.slugs.map(({id}) => slugs.remove(id)))
  logs.drop(app)
  return ok(view)
}

function checkName({store}: Context, name: string): void {
  if (!NAME.test(name)) throw invalid('Name must start with a letter, end with a letter or digit and can only contain lowercase letters, digits, and dashes, 3 to 30 of them.')
  if (store.state.apps.some(app => app.name === name)) throw new ApiError(422, 'invalid_params', `Name ${name} is already taken`)
}
