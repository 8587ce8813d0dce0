import fc, {type IAsyncProperty, type IProperty} from 'fast-check'

const SECONDS = process.env['FUZZ_SECONDS']
/** Time for each property. */
const LIMIT_MS = SECONDS ? Number(SECONDS) * 1000 : 1500
/** Milliseconds that a test of a property may take. */
export const TIMEOUT = 2 * LIMIT_MS + 30_000

/**
 * Tries a property for a few seconds; FUZZ_SECONDS takes more time. A failure's message has the seed and the path of the counterexample.
 */
export async function check<Values>(property: IAsyncProperty<Values> | IProperty<Values>): Promise<void> {
  const tried = property as IAsyncProperty<Values>
  const run = tried.run.bind(tried)
  let running = Promise.resolve<unknown>(null)
  tried.run = value => running = run(value)
  try {
    await fc.assert(tried, {
      numRuns: 100_000, interruptAfterTimeLimit: LIMIT_MS, markInterruptAsFailure: false,
    })
  } finally {
    // fast-check leaves a run behind that it interrupts: the next test must not find it at work.
    await running
  }
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
