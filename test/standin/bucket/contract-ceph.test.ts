import type {CephProgram} from '../../../standin/bucket/contract.ts'
import {useCeph} from '../../support/ceph.ts'
import {describeContract} from './contract.ts'

/** Where Ceph 16 is not like AWS, each found by the test that names it. */
const DEVIATIONS = {
  'complete-aborted': '500 InternalError',
  'complete-etag': 'an empty ETag',
  'complete-if-match': 'If-Match is ignored on CompleteMultipartUpload',
  'complete-if-none-match': 'If-None-Match is ignored on CompleteMultipartUpload',
  'complete-twice': 'done again',
  'copy-if-match': 'x-amz-copy-source-if-match is ignored',
  crc32: 'checksums are not looked at',
  'delete-conflict': '412 instead of 409',
  'if-match-missing': '412 instead of 404',
  'if-match-quoted': 'If-Match works without quotes only',
  'if-none-match-etag': 'an ETag in If-None-Match is honoured on PUT',
  'key-too-long': '400 InvalidObjectName',
  location: 'its zone group\'s name, "default"',
  'part-after-abort': '404 NoSuchKey',
  'part-order': 'parts are sorted',
  'presigned-max': '403 AccessDenied',
  region: 'any region is accepted',
  'stream-trailer': 'trailing checksums are not understood',
  'unsigned-header': 'unsigned x-amz- headers are accepted',
}

describe('Ceph\'s gateway keeps S3\'s contract:', function () {
  this.timeout(60_000)
  const ceph = useCeph()

  describeContract({
    access: ceph,
    deviations: DEVIATIONS,
    programs: ['radosgw', 'ceph-osd'] satisfies CephProgram[],
    kill: program => ceph().cluster.kill(program as CephProgram),
    restart: program => ceph().cluster.restart(program as CephProgram),
  })
})
