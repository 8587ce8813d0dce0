import {expect} from 'chai'
import {execa} from 'execa'
import {existsSync} from 'node:fs'
import {readFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Hosts that a user's machine may not have, or may have under another name: they come from its own configuration. The
 * plugin alone has a default, for machines where nobody configured one.
 */
const REGISTRIES = /\b(registry\.npmjs\.org|registry\.yarnpkg\.com|proxy\.golang\.org|files\.pythonhosted\.org|(deb|security|snapshot)\.debian\.org|(archive|ports|security)\.ubuntu\.com)\b/
/** A path of one developer's machine. */
const MACHINE_PATHS = /(?<![\w.~-])\/(work\/(main|shared)|tmp\/w\/|home\/\w+\/|Users\/\w+\/)/

describe('the project', () => {
  it('names no registry and no path of one machine', async () => {
    const found: string[] = []
    for (const file of await textFiles()) {
      const lines = (await readFile(join(root, file), 'utf8')).split('\n')
      lines.forEach((line, index) => {
        if ((!file.startsWith('src/') && REGISTRIES.test(line)) || MACHINE_PATHS.test(line)) found.push(`${file}:${index + 1}: ${line.trim().slice(0, 120)}`)
      })
    }

    expect(found).to.deep.equal([])
  })

  it('has no link in its pages that leads nowhere', async () => {
    const dead: string[] = []
    for (const file of (await textFiles()).filter(name => name.endsWith('.md'))) {
      const page = await readFile(join(root, file), 'utf8')
      for (const [, target = ''] of page.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g)) {
        if (!existsSync(join(root, dirname(file), target))) dead.push(`${file}: ${target}`)
      }
    }

    expect(dead).to.deep.equal([])
  })

  it('has each script in bin as a program', async () => {
    const {stdout} = await execa('git', ['ls-files', '--stage', 'bin', 'buildpack/bin', '.ci', 'scripts/nix-from-debian'], {cwd: root})
    const notPrograms = stdout.split('\n').filter(Boolean)
      .map(line => ({mode: line.slice(0, 6), file: line.split('\t')[1] ?? ''}))
      .filter(({mode, file}) => !file.startsWith('bin/lib/') && mode !== '100755')
    expect(notPrograms).to.deep.equal([])
  })
})

/** What Git tracks and people wrote, but for this file and lists that name hosts because others made them. */
async function textFiles(): Promise<string[]> {
  const {stdout} = await execa('git', ['ls-files'], {cwd: root})
  return stdout.split('\n').filter(file => file !== 'package-lock.json' && file !== 'test/project/documents.test.ts'
    && /(^|\/)[^.]+$|\.(bats|js|json|md|mjs|nix|pl|sh|ts|yml)$/.test(file) && existsSync(join(root, file)))
}
