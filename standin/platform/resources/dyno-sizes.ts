import type {Context} from '../context.ts'
import {notFound} from '../http/errors.ts'
import type {Route} from '../http/route.ts'
import {ok} from '../http/route.ts'
import {DYNO_SIZES} from '../policy/dyno-sizes.ts'
import type {DynoSize} from '../policy/dyno-sizes.ts'
import {sizesOf} from '../policy/sizes-of-app.ts'
import {appRoute} from './find-app.ts'
import {namedId, reference} from './named-id.ts'

/** Schema: dyno-size. */
export function dynoSizeRoutes(context: Context): Route[] {
  return [
    {method: 'GET', pattern: '/dyno-sizes', handle: () => ok(DYNO_SIZES.map(view))},
    {
      method: 'GET', pattern: '/dyno-sizes/{size}',
      handle({params: {size = ''}}) {
        const found = DYNO_SIZES.find(({name}) => name.toLowerCase() === size.toLowerCase() || namedId('dyno-size', name) === size)
        if (!found) throw notFound('dyno_size')
        return ok(view(found))
      },
    },
    appRoute(context, 'GET', '/available-dyno-sizes', app => ok(sizesOf(app).map(view))),
  ]
}

function view({name, family, memory, compute, dedicated}: DynoSize) {
  return {
    id: namedId('dyno-size', name), name, memory, compute, dedicated, architecture: 'amd64', cost: null,
    can_autoscale: family === 'performance' || family === 'private' || family === 'shield', precise_dyno_units: 0,
    private_space_only: family === 'private' || family === 'shield', infrastructure_tier: family === 'eco' || family === 'basic' ? family : 'production',
    product_dyno_tier: family, generation: reference('generation', family === 'fir' ? 'fir' : 'cedar'),
  }
}
