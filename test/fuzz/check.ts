import fc, {type IAsyncProperty, type IProperty} from 'fast-check'

/** Time for each property. */
const LIMIT_MS = 2500

/**
 * Tries a property for a few seconds. A failure's message has the seed and the path of the counterexample;
 * FUZZ_SEED runs that seed again, FUZZ_SECONDS takes more time.
 */
export async function check<Values>(property: IAsyncProperty<Values> | IProperty<Values>): Promise<void> {
  const {FUZZ_SEED: seed, FUZZ_SECONDS: seconds} = process.env
  await fc.assert(property as IAsyncProperty<Values>, {
    numRuns: 100_000, interruptAfterTimeLimit: seconds ? Number(seconds) * 1000 : LIMIT_MS, markInterruptAsFailure: false,
    ...(seed ? {seed: Number(seed)} : {}),
  })
}

/** What is done to good bytes: printed in place of the bytes themselves. */
export interface Mutation {
  /** which of the originals, at random */
  of: number
  changes: {kind: string; at: number; length: number; value: number}[]
}

export const mutation: fc.Arbitrary<Mutation> = fc.record({
  of: fc.nat(),
  changes: fc.array(fc.record({
    kind: fc.constantFrom('byte', 'byte', 'cut', 'double', 'end', 'zeros'), at: fc.double({min: 0, max: 1, noNaN: true}),
    length: fc.integer({min: 1, max: 600}), value: fc.integer({min: 0, max: 255}),
  }), {maxLength: 5}),
})

/** One of the originals with a few bytes replaced, cut out, doubled, zeroed or cut off. */
export function mutate(originals: readonly Buffer[], {of, changes}: Mutation): Buffer {
  let bytes = Buffer.from(originals[of % originals.length] ?? '')
  for (const {kind, at, length, value} of changes) {
    const start = Math.floor(at * bytes.length)
    const [before, part, after] = [bytes.subarray(0, start), bytes.subarray(start, start + length), bytes.subarray(start + length)]
    if (kind === 'byte') bytes = Buffer.concat([before, Buffer.from([value]), bytes.subarray(start + 1)])
    else if (kind === 'cut') bytes = Buffer.concat([before, after])
    else if (kind === 'double') bytes = Buffer.concat([before, part, part, after])
    else if (kind === 'end') bytes = Buffer.from(before)
    else bytes = Buffer.concat([before, Buffer.alloc(part.length), after])
  }

  return bytes
}
