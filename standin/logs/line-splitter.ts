import {StringDecoder} from 'node:string_decoder'

/** A program that never ends its line must not fill the memory. */
const LONGEST_PENDING = 64 * 1024

/** Cuts a byte stream into lines, whatever its chunks, and hands each on without its line end. */
export class LineSplitter {
  #pending = ''
  readonly #decoder = new StringDecoder('utf8')
  readonly #onLine: (line: string) => void

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  write(chunk: Buffer): void {
    const lines = (this.#pending + this.#decoder.write(chunk)).split('\n')
    this.#pending = lines.pop() ?? ''
    for (const line of lines) this.#onLine(line.replace(/\r$/, ''))
    if (this.#pending.length > LONGEST_PENDING) this.#flush()
  }

  end(): void {
    this.#pending += this.#decoder.end()
    if (this.#pending !== '') this.#flush()
  }

  #flush(): void {
    const line = this.#pending
    this.#pending = ''
    this.#onLine(line)
  }
}
