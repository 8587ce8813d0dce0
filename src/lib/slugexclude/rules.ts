import type {ByteString} from '../slug/byte-string.ts'

/** One line of a `.slugexclude`, ready to be matched. */
export interface Rule {
  /** counts from 1 */
  line: number
  /** the line as it was written */
  text: string
  /** `+`: what it matches is kept */
  include: boolean
  /** the pattern without its prefix and without one trailing slash */
  pattern: ByteString
  /** the pattern ended in `/`: only directories match */
  directoryOnly: boolean
}

/** A line that means something else than it seems to; rsync takes it without a word. */
export interface RuleWarning {
  line: number
  message: string
}

export interface Rules {
  /** the file's name, for messages */
  file: string
  /** in the order in which they are tried */
  rules: readonly Rule[]
  /** lines that a later `!` took off the list */
  cleared: readonly Rule[]
  warnings: readonly RuleWarning[]
}
