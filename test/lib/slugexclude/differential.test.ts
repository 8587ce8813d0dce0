import {expect} from 'chai'
import fc from 'fast-check'
import {toText, type ByteString} from '../../../src/lib/slug/byte-string.ts'
import {classPattern, rules, tree} from './arbitraries.ts'
import {ourAnswer} from './ours.ts'
import {withTree} from './rsync.ts'

const CASES = Number(process.env['SLUGEXCLUDE_CASES'] ?? 5000)
/** A difference is shown as it was found: shrinking would start rsync thousands of times to make a small thing smaller. */
const RUN = {endOnFailure: true}
const RULE_SETS_PER_TREE = 50

const CLASSES_PER_CASE = 12
/** In one folder for each class: every byte that can be a name. */
const EVERY_BYTE = Array.from({length: 255}, (_, index) => String.fromCharCode(index + 1)).filter(name => name !== '/' && name !== '.' && name !== '\n' && name !== '@')

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
          return JSON.stringify(rsync) === JSON.stringify(ours) ? [] : [{tree: paths, rules: JSON.stringify(toText(set)), rsync, ours}]
        })
        expect(differences, JSON.stringify(differences[0])).to.deep.equal([])
      })),
      {numRuns: Math.ceil(CASES / RULE_SETS_PER_TREE), ...RUN},
    )
    expect(asked).to.be.at.least(CASES)
  })

  it('agree on what a class of characters matches, whatever the byte', async function () {
    this.timeout(120_000)
    const folders = Array.from({length: CLASSES_PER_CASE}, (_, index) => `f${index}`)
    const everything = folders.flatMap(folder => EVERY_BYTE.map(name => `${folder}/${name}` as ByteString))
    await withTree(everything, async ask => {
      await fc.assert(
        fc.asyncProperty(fc.array(classPattern, {minLength: CLASSES_PER_CASE * 24, maxLength: CLASSES_PER_CASE * 24}), async patterns => {
          const sets = Array.from({length: 24}, (_, index) => patterns
            .slice(index * CLASSES_PER_CASE, (index + 1) * CLASSES_PER_CASE)
            .map((pattern, folder) => `- /f${folder}/${pattern}`).join('\n') as ByteString)
          const answers = await ask(sets)
          expect(sets.filter((set, index) => JSON.stringify(answers[index]) !== JSON.stringify(ourAnswer(everything, set)))).to.deep.equal([])
        }),
        {numRuns: 6, ...RUN},
      )
    })
  })
})
