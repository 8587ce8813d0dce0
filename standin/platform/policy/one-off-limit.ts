import {ApiError} from '../http/errors.ts'
import type {AppRecord} from '../../state/model.ts'
import type {DynoSize} from './dyno-sizes.ts'

/** One-off dynos of a size family that run at once. devcenter.heroku.com/articles/one-off-dynos#limits */
const LIMITS: Readonly<Record<DynoSize['family'], number>> = {
  eco: 1, basic: 50, standard: 50, performance: 5, private: 5, shield: 5, fir: 50,
}

/** @throws ApiError 422 cannot_run_above_limit when so many of the family run already */
export function checkOneOffLimit(app: AppRecord, size: DynoSize, running: number): void {
  const limit = app.settings.oneOffLimit ?? LIMITS[size.family]
  if (running < limit) return
  throw new ApiError(422, 'cannot_run_above_limit', `Cannot run more than ${limit} ${size.name} size dynos.`, {
    limit, url: 'https://devcenter.heroku.com/articles/dyno-size#default-scaling-limits',
  })
}
