import {expect} from 'chai'
import {readFile} from 'node:fs/promises'
import path from 'node:path'
import {EXIT} from '../../../src/lib/errors.ts'

describe('docs/exit-codes.md', () => {
  it('has a row for each exit code, and for 0 and 130', async () => {
    const page = await readFile(path.resolve(import.meta.dirname, '../../../docs/exit-codes.md'), 'utf8')
    const documented = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code))
    expect(documented).to.deep.equal([0, ...Object.values(EXIT), 130])
  })
})
