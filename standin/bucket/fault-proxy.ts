import {StandinError} from '../errors.ts'
import type {FaultProxy} from './contract.ts'

/**
 * Starts an HTTP proxy on 127.0.0.1 in front of an S3 endpoint, which can be told to fail.
 * @param options.target the endpoint's URL
 */
export function startFaultProxy({target}: {target: string}): Promise<FaultProxy> {
  return Promise.reject(new StandinError(`No proxy for ${target} yet.`))
}
