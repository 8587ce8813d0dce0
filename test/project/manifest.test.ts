import {Plugin} from '@oclif/core'
import {expect} from 'chai'
import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('oclif.manifest.json', () => {
  it('is what the commands as they are now give (else: npm run prepack)', async () => {
    // As `oclif manifest` makes it; that command removes the committed file first.
    const plugin = new Plugin({root, type: 'core', ignoreManifest: true, respectNoCacheDefault: true, errorOnManifestCreate: true})
    await plugin.load()
    const committed: unknown = JSON.parse(await readFile(join(root, 'oclif.manifest.json'), 'utf8'))
    expect(committed).to.deep.equal(JSON.parse(JSON.stringify(plugin.manifest)))
  })
})
