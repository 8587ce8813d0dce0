import type {S3Client} from '@aws-sdk/client-s3'
import {s3Client} from '../../../support/s3.ts'
import type {BucketAccess} from '../../../support/s3.ts'

/** The server under test. Its functions are for use inside tests, once it runs. */
export interface Subject {
  access(): BucketAccess
  /** Ways in which this server is known not to be like AWS, each with what it does instead. */
  deviations: Readonly<Record<string, string>>
  /** Programs that can be killed. */
  programs: readonly string[]
  kill(program: string): Promise<void>
  restart(program: string): Promise<void>
}

/**
 * A test of AWS's behaviour that a server may be excused from. An excused one must fail there: when it no longer
 * does, the table of deviations is out of date, and the test says so.
 */
export function itLikeAws(subject: Subject, deviation: string, sentence: string, test: () => Promise<void>): void {
  const instead = subject.deviations[deviation]
  if (instead === undefined) {
    it(sentence, test)
    return
  }

  it(`${sentence} — not here: ${instead}`, async () => {
    const failed = await test().then(() => false, () => true)
    if (!failed) {
      throw new Error(`This server does as AWS does; take ${deviation} off its table of deviations.`)
    }
  })
}

/** One client for a group of tests. */
export function useClient(subject: Subject): () => S3Client {
  let client: S3Client | undefined
  after(() => client?.destroy())
  return () => client ??= s3Client(subject.access())
}

/** A key that no other test uses. */
export function freshKey(name = 'object'): string {
  counter += 1
  return `test-${counter}/${name}`
}

let counter = 0
