import {Transform} from 'node:stream'

/** What clients send where their standard input ends: ASCII EOT. */
const END_OF_INPUT = 0x04

/** Ends the stream at the first EOT, for a dyno without a terminal, where nobody else would give it a meaning. */
export function endAtEot(): Transform {
  let ended = false
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (ended) {
        done()
        return
      }

      const end = chunk.indexOf(END_OF_INPUT)
      if (end < 0) {
        done(null, chunk)
        return
      }

      ended = true
      if (end > 0) this.push(chunk.subarray(0, end))
      this.push(null)
      done()
    },
  })
}
