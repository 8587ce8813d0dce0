import {readFile} from 'node:fs/promises'

export interface Stack {
  stack: string
  distribution: string
  /** where the list of packages comes from */
  source: string
  packages: string[]
  /** upstream versions of some of them, and who lists those */
  versions: Record<string, string>
  versionsSource: string
}

export type Variant = 'heroku-24' | 'heroku-24-build'

/** The packages of a stack's run image, as Heroku lists them. */
export async function readStack(variant: Variant): Promise<Stack> {
  return JSON.parse(await readFile(new URL(`${variant}.json`, import.meta.url), 'utf8')) as Stack
}
