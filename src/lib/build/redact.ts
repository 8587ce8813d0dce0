/** Shorter ones are no secrets, and would blot out half the log. */
const MIN_LENGTH = 6

/** Replaces secrets in a stream of bytes, also where a secret comes in pieces. */
export interface Redactor {
  /** What may be shown now; the start of what could become a secret is kept back. */
  push(chunk: Uint8Array): Buffer
  /** What was kept back. */
  end(): Buffer
}

/** The values as they stand, URL-encoded, and, of a key `name:base64`, its second part alone. */
export function secretForms(values: readonly string[]): string[] {
  const forms = values.flatMap(value => [value, encodeURIComponent(value), ...(/^[\w.-]+:(.+)$/.exec(value)?.slice(1) ?? [])])
  // Longest first, so that a secret that holds another one goes as a whole.
  return [...new Set(forms)].filter(form => form.length >= MIN_LENGTH).sort((a, b) => b.length - a.length)
}

/** Latin-1 maps bytes to characters one to one: a log need not be UTF-8. */
export function redactor(values: readonly string[]): Redactor {
  const secrets = secretForms(values).map(form => Buffer.from(form).toString('latin1'))
  let kept = ''

  return {
    push(chunk) {
      const text = replaceAll(kept + Buffer.from(chunk).toString('latin1'))
      const length = keptLength(text)
      kept = text.slice(text.length - length)
      return Buffer.from(text.slice(0, text.length - length), 'latin1')
    },
    end() {
      const rest = kept
      kept = ''
      return Buffer.from(rest, 'latin1')
    },
  }

  function replaceAll(text: string): string {
    return secrets.reduce((result, secret) => result.replaceAll(secret, '[hidden]'), text)
  }

  /** Length of the longest end of `text` that a secret begins with. */
  function keptLength(text: string): number {
    const longest = Math.min(text.length, Math.max(0, ...secrets.map(secret => secret.length - 1)))
    for (let length = longest; length > 0; length -= 1) {
      const tail = text.slice(text.length - length)
      if (secrets.some(secret => secret.startsWith(tail))) {
        return length
      }
    }

    return 0
  }
}

/** One text with the secrets replaced. */
export function redactText(text: string, values: readonly string[]): string {
  const stream = redactor(values)
  return Buffer.concat([stream.push(Buffer.from(text)), stream.end()]).toString()
}
