import type {Context} from '../context.ts'
import {invalid, notFound} from '../http/errors.ts'
import type {Route} from '../http/route.ts'
import {ok} from '../http/route.ts'
import {appRoute} from './find-app.ts'
import {isNamed, namedId} from './named-id.ts'

type Row = [name: string, state: 'deprecated' | 'public', createdAt: string]

/** devcenter.heroku.com/articles/stack */
const STACKS: Row[] = [
  ['heroku-22', 'deprecated', '2022-03-30T00:00:00Z'],
  ['heroku-24', 'public', '2024-04-30T00:00:00Z'],
  ['heroku-26', 'public', '2026-04-30T00:00:00Z'],
  ['container', 'public', '2017-08-01T00:00:00Z'],
  ['cnb', 'public', '2024-05-01T00:00:00Z'],
]

export const DEFAULT_STACK = 'heroku-24'

/** @throws ApiError 422 for a stack that there is not */
export function chooseStack(given: string): string {
  const row = STACKS.find(([name]) => isNamed('stack', name, given))
  if (!row) throw invalid(`Couldn't find that stack: ${given}.`)
  return row[0]
}

/** Schema: stack. */
export function stackRoutes(context: Context): Route[] {
  return [
    {method: 'GET', pattern: '/stacks', handle: () => ok(STACKS.map(view))},
    {
      method: 'GET', pattern: '/stacks/{stack}',
      handle({params: {stack = ''}}) {
        const row = STACKS.find(([name]) => isNamed('stack', name, stack))
        if (!row) throw notFound('stack')
        return ok(view(row))
      },
    },
    appRoute(context, 'GET', '/available-stacks', ({generation}) => ok(STACKS.filter(([name]) => (name === 'cnb') === (generation === 'fir')).map(view))),
  ]
}

function view([name, state, createdAt]: Row) {
  return {id: namedId('stack', name), name, state, default: name === DEFAULT_STACK, created_at: createdAt, updated_at: createdAt}
}
