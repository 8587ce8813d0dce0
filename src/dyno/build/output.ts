import type {LogWriter} from '../../lib/build/log-writer.ts'
import {redactText, redactor} from '../../lib/build/redact.ts'

/** What a build says. Standard output costs the user log volume, so it gets headings and the end; the log gets all. */
export interface Output {
  /** `-----> text` */
  step(text: string): Promise<void>
  /** indented text, one or more lines */
  say(text: string): Promise<void>
  /** ` !     text` */
  warn(text: string): Promise<void>
  /** A program's output, as it comes: into the log alone, unless standard output gets that, too. */
  detail(chunk: Uint8Array): Promise<void>
}

const INDENT = '       '

/**
 * @param options.secrets values that are replaced on standard output; the log has its own redactor
 * @param options.isShown whether somebody reads along on standard output
 */
export function buildOutput({log, stdout, secrets, isShown = false}: {
  log: Pick<LogWriter, 'write'>; stdout: (text: string | Uint8Array) => void; secrets: readonly string[]; isShown?: boolean
}): Output {
  const shown = redactor(secrets)
  let isLineStart = true

  async function lines(text: string): Promise<void> {
    if (isShown) stdout(Buffer.concat([shown.end(), Buffer.from(isLineStart ? '' : '\n')]))
    stdout(redactText(text, secrets))
    await log.write(Buffer.from(isLineStart ? text : `\n${text}`))
    isLineStart = true
  }

  return {
    step: text => lines(`-----> ${text}\n`),
    say: text => lines(prefix(text, INDENT)),
    warn: text => lines(prefix(text, ' !     ')),

    async detail(chunk) {
      if (chunk.length === 0) {
        return
      }

      // Latin-1 keeps bytes as they are.
      const text = Buffer.from(chunk).toString('latin1')
      const indented = (isLineStart ? INDENT : '') + text.replaceAll(/\n(?!$)/g, `\n${INDENT}`)
      isLineStart = text.endsWith('\n')
      const bytes = Buffer.from(indented, 'latin1')
      if (isShown) stdout(shown.push(bytes))
      await log.write(bytes)
    },
  }
}

function prefix(text: string, sign: string): string {
  return text.trimEnd().split('\n').map(line => `${sign}${line}`.trimEnd() + '\n').join('')
}
