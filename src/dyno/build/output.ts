import type {LogWriter} from '../../lib/build/log-writer.ts'
import {redactText} from '../../lib/build/redact.ts'

/** What a build says. Standard output costs the user log volume, so it gets headings and the end; the log gets all. */
export interface Output {
  /** `-----> text` */
  step(text: string): Promise<void>
  /** indented text, one or more lines */
  say(text: string): Promise<void>
  /** ` !     text` */
  warn(text: string): Promise<void>
  /** A program's output, into the log alone, as it comes. */
  detail(chunk: Uint8Array): Promise<void>
}

const INDENT = '       '

/**
 * @param options.stdout gets whole lines, without secrets
 * @param options.secrets values that are replaced on standard output; the log has its own redactor
 */
export function buildOutput({log, stdout, secrets}: {log: Pick<LogWriter, 'write'>; stdout: (text: string) => void; secrets: readonly string[]}): Output {
  let isLineStart = true

  async function lines(text: string): Promise<void> {
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
      await log.write(Buffer.from(indented, 'latin1'))
    },
  }
}

function prefix(text: string, sign: string): string {
  return text.trimEnd().split('\n').map(line => `${sign}${line}`.trimEnd() + '\n').join('')
}
