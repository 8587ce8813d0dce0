import {expect} from 'chai'
import fc from 'fast-check'
import {toText} from '../../../src/lib/slug/byte-string.ts'
import {rules, tree} from './arbitraries.ts'
import {ourAnswer} from './ours.ts'
import {withTree} from './rsync.ts'

const CASES = Number(process.env['SLUGEXCLUDE_CASES'] ?? 5000)
/** To see a failure again: the seed that fast-check printed. */
const SEED = process.env['SLUGEXCLUDE_SEED']
const RULE_SETS_PER_TREE = 50

describe('.slugexclude and rsync', () => {
  it(`agree on ${CASES} generated cases`, async function () {
    this.timeout(300_000)
    const cases = tree.chain(paths => fc.record({
      paths: fc.constant(paths),
      sets: fc.array(rules(paths), {minLength: RULE_SETS_PER_TREE, maxLength: RULE_SETS_PER_TREE}),
    }))
    let asked = 0
    await fc.assert(
      fc.asyncProperty(cases, async ({paths, sets}) => withTree(paths, async ask => {
        const answers = await ask(sets)
        asked += sets.length
        const differences = sets.flatMap((set, index) => {
          const [rsync, ours] = [answers[index], ourAnswer(paths, set)]
          return JSON.stringify(rsync) === JSON.stringify(ours) ? [] : [{rules: JSON.stringify(toText(set)), rsync, ours}]
        })
        expect(differences).to.deep.equal([])
      })),
      {numRuns: Math.ceil(CASES / RULE_SETS_PER_TREE), ...(SEED === undefined ? {} : {seed: Number(SEED)}), interruptAfterTimeLimit: 240_000, markInterruptAsFailure: true},
    )
    expect(asked).to.be.at.least(CASES)
  })
})
