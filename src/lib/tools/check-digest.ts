import {createHash} from 'node:crypto'
import {Transform} from 'node:stream'
import {EXIT, NixError} from '../errors.ts'
import type {PinnedTool} from './lock.ts'

/**
 * Passes an archive's bytes on, and fails in place of ending where they are not the pinned ones.
 * @param from for the message
 */
export function checkDigest(tool: PinnedTool, from: string): Transform {
  const hash = createHash('sha256')
  let size = 0
  return new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk)
      size += chunk.length
      // No later than this: what has no end would fill the disk.
      if (size > tool.size) done(wrong(`more than ${tool.size} bytes`))
      else done(null, chunk)
    },
    flush(done) {
      const digest = hash.digest('hex')
      done(digest === tool.sha256 && size === tool.size ? null : wrong(`sha256 ${digest} (${size} bytes)`))
    },
  })

  function wrong(found: string): NixError {
    return new NixError(
      `${tool.name} ${tool.version} from ${from} is not what was pinned: ${found} instead of ${tool.sha256} (${tool.size} bytes).`,
      {code: 'WRONG_DIGEST', exit: EXIT.verification, suggestions: ['check HEROKU_NIX_TOOLS, or report it where that is not set']},
    )
  }
}
