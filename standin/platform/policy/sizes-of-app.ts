import type {AppRecord} from '../../state/model.ts'
import {ApiError, invalid} from '../http/errors.ts'
import type {DynoSize} from './dyno-sizes.ts'
import {DYNO_SIZES, findSize} from './dyno-sizes.ts'

/** The sizes that an app's dynos can have: a tier's families do not mix with another's. */
export function sizesOf(app: AppRecord): DynoSize[] {
  const families = familiesOf(app)
  return DYNO_SIZES.filter(({family}) => families.includes(family))
}

function familiesOf({space, generation, settings}: AppRecord): DynoSize['family'][] {
  if (generation === 'fir') return ['fir']
  if (space) return [space.shield ? 'shield' : 'private']
  if (settings.tier !== 'production') return [settings.tier]
  return settings.performanceAllowed ? ['standard', 'performance'] : ['standard']
}

/** The size of that name. @throws ApiError 422 for an unknown one, or one that this app cannot have */
export function chooseSize(app: AppRecord, name: string): DynoSize {
  const size = findSize(name)
  const available = sizesOf(app)
  if (!size) throw invalid(`No such size as ${name}. Available dyno sizes are ${available.map(known => known.name).join(', ')}.`)
  if (available.includes(size)) return size
  if (size.family === 'performance' && app.settings.tier === 'production' && !app.space) {
    throw new ApiError(422, 'invalid_params', `${size.name} dynos aren't available to the owner of ${app.name}, who has no payment history yet.`, {
      url: 'https://devcenter.heroku.com/articles/limits#dynos',
    })
  }

  throw invalid(`Cannot use ${size.name} dynos on ${app.name}, which runs on ${available.map(known => known.name).join(', ')} dynos. Sizes of different tiers do not mix.`)
}
