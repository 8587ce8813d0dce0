import {NixError} from '../../../src/lib/errors.ts'
import {toBytes, type ByteString} from '../../../src/lib/slug/byte-string.ts'
import {createFilter} from '../../../src/lib/slugexclude/filter.ts'
import {createTreeFilter} from '../../../src/lib/slugexclude/filter-tree.ts'
import {parseRules} from '../../../src/lib/slugexclude/parse-rules.ts'
import {withParents, type RsyncAnswer, type Tree} from './rsync.ts'

/** What our rules make of the tree, in the form in which rsync answers. */
export function ourAnswer(tree: Tree, rules: ByteString): RsyncAnswer {
  try {
    const filter = createTreeFilter(createFilter(parseRules(toBytes(rules))))
    const verdicts = [...withParents(tree).flatMap(entry => filter.next(entry)), ...filter.end()]
    return verdicts
      .filter(({kind}) => kind === 'kept')
      .map(({entry}) => (entry.isDirectory ? `${entry.path}/` : entry.path) as ByteString)
      .sort()
  } catch (error) {
    if (error instanceof NixError && error.code === 'BAD_SLUGEXCLUDE') return 'illegal'
    throw error
  }
}
