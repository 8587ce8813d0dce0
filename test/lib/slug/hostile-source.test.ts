import {expect} from 'chai'
import {Readable} from 'node:stream'
import {pack, type Pack} from 'tar-stream'
import {sourceEntries} from '../../../src/lib/slug/source-entries.ts'
import {tarHeader} from '../../../src/lib/slug/tar-header.ts'
import {fromText} from '../../../src/lib/slug/byte-string.ts'

describe('a hostile source', () => {
  async function refusal(tar: Readable): Promise<string> {
    try {
      for await (const entry of sourceEntries(tar)) expect(entry).to.have.property('path')
    } catch (error) {
      expect(error).to.have.property('code', 'BAD_SOURCE')
      return (error as Error).message
    }

    return 'none'
  }

  function tarOf(...headers: Parameters<Pack['entry']>[0][]): Readable {
    const tar = pack()
    for (const header of headers) tar.entry(header, header.type === 'file' ? 'x' : '')
    tar.finalize()
    return Readable.from(tar as AsyncIterable<Buffer>)
  }

  for (const [what, header, message] of [
    ['a name longer than Linux takes', {name: 'a'.repeat(256), type: 'file'}, `The source's tar holds "${'a'.repeat(100)}…", a name of 256 bytes: longer than Linux takes.`],
    ['a path longer than Linux takes', {name: 'ab/'.repeat(700), type: 'directory'}, `The source's tar holds "${'ab/'.repeat(34).slice(0, 100)}…", a name of 2099 bytes: longer than Linux takes.`],
    ['a file without a name', {name: './', type: 'file'}, "The source's tar holds a file without a name."],
    ['a link that is longer than Linux takes', {name: 'l', type: 'symlink', linkname: 'a/'.repeat(1500)}, "The source's tar holds the symbolic link l, whose target has 3000 bytes."],
    ['a name that moves the cursor', {name: '\u001B[2J/../x', type: 'file'}, "The source's tar holds \"\uFFFD[2J/../x\", a name that does not stay inside the project."],
    ['a FIFO', {name: 'pipe', type: 'fifo'}, "The source's tar holds pipe, which is a fifo; a Git tree holds files, folders and symbolic links."],
  ] as const) {
    it(`is refused for ${what}`, async () => {
      expect(await refusal(tarOf(header))).to.equal(message)
    })
  }

  it('is refused for being larger than any slug, before it is read', async () => {
    const header = tarHeader({kind: 'file', name: fromText('large'), mode: 0o644, size: 5 * 1024 ** 3, target: fromText('')})
    expect(await refusal(Readable.from([header, Buffer.alloc(1024)]))).to.equal("The source's tar holds more than 4 GiB or 1000000 files.")
  })
})
