import {StandinError} from '../errors.ts'
import type {Ceph} from './contract.ts'

/** Starts a Ceph RADOS Gateway (S3) with its monitor and one OSD on loopback. Needs root. */
export function startCeph({dir}: {dir: string}): Promise<Ceph> {
  return Promise.reject(new StandinError(`Ceph cannot be started in ${dir} yet.`))
}
