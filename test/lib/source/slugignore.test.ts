import {expect} from 'chai'
import {isIgnored, parseSlugignore} from '../../../src/lib/source/slugignore.ts'

const rows: {name: string; rules: string; drops: string[]; keeps: string[]}[] = [
  {name: 'a name without a slash, in every folder', rules: '*.psd', drops: ['a.psd', 'art/a.psd', 'art/old/a.psd'], keeps: ['a.psd.txt']},
  {name: 'a folder with all it holds', rules: 'spec', drops: ['spec/a', 'lib/spec/deep/b'], keeps: ['specs/a', 'spec.rb']},
  {name: 'a pattern with a slash at the root alone', rules: '/test doc/api', drops: ['test/a', 'doc/api'], keeps: ['lib/test', 'lib/doc/api']},
  {name: 'a folder but no file, given a slash at the end', rules: 'log/', drops: ['log/a'], keeps: ['log', 'lib/log/a']},
  {name: 'no dotfile by a wildcard', rules: '* **/*.yml', drops: ['a', 'b/c'], keeps: ['.env', '.github/ci.yml']},
  {name: 'a dotfile by its name', rules: '.env', drops: ['.env', 'sub/.env'], keeps: ['.envrc', '.hidden/.env']},
  {name: 'folders at any depth by **', rules: 'a/**/z', drops: ['a/z', 'a/b/z', 'a/b/c/z/x'], keeps: ['b/a/z', 'a/.b/z']},
  {name: 'alternatives in braces', rules: '*.{png,jp{,e}g}', drops: ['a.png', 'a.jpg', 'a.jpeg'], keeps: ['a.gif']},
  {name: 'sets', rules: '[a-c]x [!a]y', drops: ['bx', 'by'], keeps: ['dx', 'ay']},
  {name: 'nothing by a comment, nor by what follows a hash', rules: '# all of it\na#b', drops: ['all', 'of', 'it', 'a'], keeps: ['b', 'a#b']},
  {name: 'escaped signs as they are', rules: String.raw`a\*b`, drops: ['a*b'], keeps: ['axb']},
  {name: 'nothing by a broken set or brace', rules: '[z-a] {a', drops: ['{a'], keeps: ['z', 'a']},
  {name: 'no exception by an exclamation mark', rules: '*.md !README.md', drops: ['README.md'], keeps: ['a.txt']},
  {name: 'nothing outside of the tree', rules: '../secret', drops: [], keeps: ['secret']},
]

describe('.slugignore', () => {
  for (const {name, rules, drops, keeps} of rows) {
    it(`drops ${name}`, () => {
      const parsed = parseSlugignore(rules)
      expect([...drops, ...keeps].filter(file => isIgnored(file, parsed))).to.deep.equal(drops)
    })
  }
})
