import {describeConditionalWrites} from './contract/conditional-writes.ts'
import {describeCrashes} from './contract/crashes.ts'
import {describeListing} from './contract/listing.ts'
import {describeMultipart} from './contract/multipart.ts'
import {describeObjects} from './contract/objects.ts'
import {describePresigned} from './contract/presigned.ts'
import {describeSignatures} from './contract/signatures.ts'
import {describeStreams} from './contract/streams.ts'
import type {Subject} from './contract/subject.ts'

/** What our programs rely on in any S3: one suite for every server that stands in for it. */
export function describeContract(subject: Subject): void {
  describeObjects(subject)
  describeSignatures(subject)
  describePresigned(subject)
  describeConditionalWrites(subject)
  describeMultipart(subject)
  describeListing(subject)
  describeStreams(subject)
  describeCrashes(subject)
}
