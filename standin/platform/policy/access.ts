import type {AppRecord} from '../../state/model.ts'
import {ApiError} from '../http/errors.ts'

/** @throws ApiError 402 or 403 when the token's owner may not do that with the app */
export function checkAccess(app: AppRecord, method: string, path: string): void {
  const {delinquent, permission} = app.settings
  const reads = method === 'GET'
  if (delinquent && !reads) {
    throw new ApiError(402, 'delinquent', `The owner of ${app.name} is delinquent. Please add a payment method.`, {url: 'https://heroku.com/verify'})
  }

  // Config vars are not part of what the view permission shows.
  if (permission === 'view' && (!reads || path.endsWith('/config-vars'))) {
    throw new ApiError(403, 'forbidden', `You do not have permission to deploy on ${app.name}. You need to have the deploy permission on this app.`)
  }
}
