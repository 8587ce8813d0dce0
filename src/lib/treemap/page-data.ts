/** What the page is given. */
export interface PageData {
  title: string
  /** the rules' file, for messages; null: there is none */
  rulesFile: string | null
  rules: {line: number; text: string}[]
  tree: PackedEntry
}

/** `[name, children]`, or `[name, size, packed, 1 if kept, index of the rule that decided or -1]`. */
export type PackedEntry = [name: string, children: PackedEntry[]] | [name: string, size: number, packed: number, kept: 0 | 1, rule: number]
