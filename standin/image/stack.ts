import {readFile} from 'node:fs/promises'

export interface Stack {
  stack: string
  distribution: string
  /** what Ubuntu's mirrors call that */
  suite: string
  /** where the list of packages comes from */
  source: string
  packages: string[]
  /** upstream versions of some of them, and who lists those */
  versions: Record<string, string>
  versionsSource: string
  /** of this stack alone, beside the tables of counterparts.ts */
  renamed?: Record<string, string[]>
  absent?: Record<string, string>
}

export type Variant = 'heroku-24' | 'heroku-24-build' | 'heroku-26-build'

/** The packages of a stack's run image, as Heroku lists them. */
export async function readStack(variant: Variant): Promise<Stack> {
  return JSON.parse(await readFile(new URL(`${variant}.json`, import.meta.url), 'utf8')) as Stack
}
