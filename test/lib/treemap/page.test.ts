import {expect} from 'chai'
import {fromBytes, fromText, type ByteString} from '../../../src/lib/slug/byte-string.ts'
import {renderTreemap} from '../../../src/lib/treemap/page.ts'
import {packTree} from '../../../src/lib/treemap/tree.ts'

const assets = {script: 'void 0', style: 'p{}'}

function file(path: ByteString, size = 1): {path: ByteString; size: number; packed: number; kept: boolean; rule: number} {
  return {path, size, packed: size, kept: true, rule: -1}
}

describe('renderTreemap', () => {
  it('lets no name and no title end what it stands in', () => {
    const html = renderTreemap({
      title: '<b>"title"</b> & more', summary: '</p><script>', rulesFile: '</script>', rules: [{line: 1, text: '- </script><!--'}],
      files: [file(fromText('store/</script><script>alert(1)</script>'))],
    }, assets)
    expect(html.match(/<\/?script/g)).to.deep.equal(['<script', '</script', '<script', '</script'])
    expect(html).to.include('<h1>&lt;b&gt;&quot;title&quot;&lt;/b&gt; &amp; more</h1>').and.not.include('<!--')
    const json = /<script type="application\/json" id="data">(.*)<\/script>/.exec(html)?.[1] ?? ''
    expect(JSON.parse(json)).to.deep.equal({
      title: '<b>"title"</b> & more', rulesFile: '</script>', rules: [{line: 1, text: '- </script><!--'}],
      tree: ['', [['store', [['<', [['script><script>alert(1)<', [['script>', 1, 1, 1, -1]]]]]]]]],
    })
  })

  it('permits its own program and style by digest, and nothing else', () => {
    const html = renderTreemap({title: 't', summary: '', rulesFile: null, rules: [], files: []}, assets)
    expect(/content="(default-src[^"]*)"/.exec(html)?.[1]).to.equal(
      "default-src 'none'; script-src 'sha256-yyjq/GGlTvm0YhdkNx72uPxcwaIXqWZBYZftmpA6pYU='; style-src 'sha256-gG2yISYereRMiG2lMXrbiUgi0Ubw9p7QCeWcroOvy9Y='; base-uri 'none'; form-action 'none'")
    expect(html).to.not.match(/\bsrc=|href=|url\(/)
  })
})

describe('packTree', () => {
  it('keeps apart what only looks alike, and shows no control character', () => {
    const tree = packTree([file(fromBytes(Buffer.from('a/\xff', 'latin1'))), file(fromBytes(Buffer.from('a/\xfe', 'latin1'))), file(fromText('a/\n'), 3)])
    expect(tree).to.deep.equal(['', [['a', [['\uFFFD', 1, 1, 1, -1], ['\uFFFD', 1, 1, 1, -1], ['\uFFFD', 3, 3, 1, -1]]]]])
  })

  it('has no trouble with names that objects have', () => {
    expect(packTree([file(fromText('__proto__/constructor'))])).to.deep.equal(['', [['__proto__', [['constructor', 1, 1, 1, -1]]]]])
  })

  it('goes as deep as a path can', () => {
    const html = renderTreemap({title: 't', summary: '', rulesFile: null, rules: [], files: [file(fromText(Array(2047).fill('d').join('/')))]}, assets)
    expect(html.split('["d",').length - 1).to.equal(2047)
  })
})
