import {expect} from 'chai'
import {NixError} from '../../../src/lib/errors.ts'
import {parseRules} from '../../../src/lib/slugexclude/parse-rules.ts'

describe('reading a .slugexclude', () => {
  it('names line and column of a rule without a pattern, and what to do', () => {
    expect(() => parseRules('# a\n\n- \n')).to.throw(NixError, '.slugexclude line 3, column 3: a pattern must follow "- ".')
    try {
      parseRules('+ ', {file: 'other'})
      expect.fail('no error')
    } catch (error) {
      expect(error).to.deep.include({code: 'BAD_SLUGEXCLUDE', exitCode: 4, suggestions: ['edit line 1 of other: "+ PATTERN", or delete the line']})
    }
  })

  it('keeps the line of each rule, and its text as it was written', () => {
    const {rules} = parseRules('# first\r\n\r\n+ /store/*/bin/\r\n- *.é\r\nbare')
    expect(rules.map(({line, text, include, directoryOnly}) => ({line, text, include, directoryOnly}))).to.deep.equal([
      {line: 3, text: '+ /store/*/bin/', include: true, directoryOnly: true},
      {line: 4, text: '- *.é', include: false, directoryOnly: false},
      {line: 5, text: 'bare', include: false, directoryOnly: false},
    ])
  })

  it('remembers what a "!" took off the list', () => {
    const {rules, cleared} = parseRules('a\nb\n!\nc\n')
    expect({rules: rules.map(({line}) => line), cleared: cleared.map(({line}) => line)}).to.deep.equal({rules: [4], cleared: [1, 2]})
  })

  it('warns about what rsync takes without a word', () => {
    const {warnings, rules} = parseRules(`\uFEFF- a\n- b \n  c\n-p d\n${'x'.repeat(4096)}\n- e\n`)
    expect(warnings).to.deep.equal([
      {line: 1, message: 'the file begins with a byte order mark, which is taken as part of the pattern'},
      {line: 2, message: 'the line ends with white space, which is taken as part of the pattern'},
      {line: 3, message: 'the line begins with white space, which is taken as part of the pattern'},
      {line: 4, message: '"-p" is taken as part of the pattern: modifiers mean nothing in this kind of file'},
      {line: 5, message: 'the pattern has 4096 bytes or more: rsync ignores it, and so does this program'},
    ])
    expect(rules.map(({line}) => line)).to.deep.equal([1, 2, 3, 4, 6])
  })
})
