import {expect} from 'chai'
import {describeReport, describeWhy} from '../../../src/lib/check/describe-report.ts'
import {listPaths} from '../../../src/lib/check/list-paths.ts'
import {outcomeOf} from '../../../src/lib/check/report.ts'
import {why} from '../../../src/lib/check/why.ts'
import {judged, report, type Contents} from './support.ts'

const APP: Contents = {
  'app-1/bin/app': ['interpreter libc-1/lib/ld.so', 'library libc-1/lib/libc.so', 'text doc-1'],
  'app-1/bin/link': 'tool-1/bin/tool',
  'app-1/share/doc/readme': [],
  'doc-1/readme': [],
  'libc-1/lib/ld.so': [],
  'libc-1/lib/libc.so': 'libc-1/lib/libc.so.6',
  'libc-1/lib/libc.so.6': [],
  'other-1/file': [],
  'tool-1/bin/tool': ['shebang app-1/bin/app'],
}

describe('what check reports', () => {
  it('is fine where there are no rules', () => {
    const {before, kept, dropped, breaks, mayMiss} = report(APP, null)
    expect([before.files, kept.files, kept.bytes, dropped.files, breaks, mayMiss]).to.deep.equal([7, 7, 700, 0, [], []])
    expect(outcomeOf(report(APP, null))).to.equal('fine')
  })

  it('names a library that is dropped, who needs it, how many do not work, and the way from the result', () => {
    const found = report(APP, '*.txt\nlibc.so.6\n', {result: 'app-1'})
    expect(outcomeOf(found)).to.equal('wouldBreak')
    expect(found.breaks.map(({dropped, rule, users, affected, chain}) => ({
      dropped, line: rule?.line, users: users.map(({path}) => path), affected, chain: chain.map(({from, to}) => `${from} ${to}`),
    }))).to.deep.equal([{
      dropped: 'libc-1/lib/libc.so.6', line: 2, users: ['libc-1/lib/libc.so'], affected: 4,
      chain: ['app-1/bin/app libc-1/lib/libc.so', 'libc-1/lib/libc.so libc-1/lib/libc.so.6'],
    }])
    expect(describeReport(found).join('\n')).to.include('libc-1/lib/libc.so.6 is dropped by line 2: libc.so.6\n    libc-1/lib/libc.so links to it; 4 do not work without them')
  })

  for (const [kind, rules, dropped] of [
    ['loader', 'ld.so\n', 'libc-1/lib/ld.so'],
    ['script\'s interpreter', '/store/app-1/bin/app\n', 'app-1/bin/app'],
    ['link\'s target', '/store/tool-1/\n', 'tool-1/bin/tool'],
  ] as const) {
    it(`names a ${kind} that is dropped`, () => {
      expect(report(APP, rules).breaks.map(one => one.dropped)).to.deep.equal([dropped])
    })
  }

  it('does not call broken what is dropped with all that needs it, or what the loader finds elsewhere too', () => {
    expect(report(APP, '/store/tool-1/\nlink\n').breaks).to.deep.equal([])
    const two: Contents = {'a-1/app': ['library b-1/x.so c-1/x.so'], 'b-1/x.so': [], 'c-1/x.so': []}
    expect(report(two, '/store/b-1/\n').breaks).to.deep.equal([])
    expect(report(two, 'x.so\n').breaks).to.have.length(1)
  })

  it('tells what files name and may do without apart from what breaks', () => {
    const found = report(APP, '/store/doc-1/\n')
    expect([outcomeOf(found), found.mayMiss.map(({path, need}) => [path, need.to])]).to.deep.equal(['fine', [['app-1/bin/app', 'doc-1']]])
  })

  it('says that the result itself is dropped', () => {
    expect(outcomeOf(report(APP, '/store/app-1/\n', {result: 'app-1'}))).to.equal('wouldBreak')
    expect(describeReport(report(APP, '/store/app-1/\n', {result: 'app-1'})).join('\n')).to.include('The result itself is dropped by line 1: /store/app-1/')
  })

  it('adds the source to what is predicted, and says when that is too large', () => {
    const large = report(APP, null, {source: 600e6})
    expect([outcomeOf(large), large.predicted.slug - large.predicted.layer]).to.deep.equal(['tooLarge', 600e6])
    expect(describeReport(large).at(-1)).to.match(/^Too large by 72\.\d MB\.$/)
    expect(outcomeOf(report(APP, 'libc.so.6\n', {source: 600e6}))).to.equal('wouldBreak')
  })

  it('counts what each rule decides, with what lies below', () => {
    const {rules} = report(APP, 'share/\n+ readme\n*\n')
    expect(rules.map(({hits, dropped}) => [hits, dropped.files])).to.deep.equal([[0, 0], [0, 0], [19, 7]])
    expect(report(APP, 'share/\n').rules.map(({hits, dropped}) => [hits, dropped.files])).to.deep.equal([[3, 1]])
  })

  it('names the topmost directories that became empty', () => {
    expect(report(APP, 'readme\n').emptied).to.deep.equal(['app-1/share', 'doc-1'])
  })

  it('names kept paths to which nothing leads', () => {
    expect(report(APP, null, {result: 'app-1'}).unreferenced.map(({name}) => name)).to.deep.equal(['other-1'])
  })

  it('asks rules about the folder store itself, as rsync does', () => {
    expect(report(APP, '/store\n').kept.files).to.equal(0)
    expect(report(APP, '+ /store/\n+ app-1/\n+ app-1/**\n*\n').kept.files).to.equal(2)
  })
})

describe('a rule that decides about nothing', () => {
  for (const [rules, line, reason] of [
    ['*.txt\n', 1, 'the closure has nothing of that name'],
    ['/nix/store/app-1/share\n', 1, 'paths begin with store/ here, such as store/app-1/share'],
    ['/app-1/share\n', 1, 'the slash at its start anchors it to the folder that holds store/; it would match store/app-1/share with /store before it'],
    ['/readme\n', 1, 'the slash at its start anchors it to the folder that holds store/; without it, it would match 2 such as store/app-1/share/doc/readme'],
    ['libc.so/\n', 1, 'the slash at its end makes it match directories alone; without it, it would match 1 such as store/libc-1/lib/libc.so'],
    ['/store/*/readme\n+ x\n/store/*/readm\n', 3, 'the closure has nothing of that name'],
    ['/store/*/app\n', 1, 'a single * does not match a slash; with ** it would match 1 such as store/app-1/bin/app'],
    ['README\n', 1, 'capital letters count; there is store/app-1/share/doc/readme'],
    ['*\nreadme\n', 2, 'all that it matches is inside of what line 1 excludes'],
    ['read*\nreadme\n', 2, 'line 1 decides first about all 2 that it matches'],
    ['readme\n!\n', 1, 'a "!" below takes it off the list'],
  ] as const) {
    it(`is explained: ${JSON.stringify(rules)}`, () => {
      expect(report(APP, rules).unused.filter(({rule}) => rule.line === line).map(one => one.reason)).to.deep.equal([reason])
    })
  }

  it('is none that matches the folder store alone', () => {
    expect(report(APP, '+ /store/\n').unused).to.deep.equal([])
  })
})

describe('why something is kept', () => {
  const answer = (asked: string, rules: string | null, result: string | null = 'app-1') => {
    const found = report(APP, rules, {result})
    return describeWhy(why(asked, judged(APP, rules), found.graph))
  }

  it('is the chain of what needs it, with the strongest reasons', () => {
    expect(answer('libc', null)).to.deep.equal(['libc-1/lib/ld.so is kept:', '  app-1/bin/app', '    is loaded by libc-1/lib/ld.so'])
    expect(answer('doc-1', null)).to.deep.equal(['doc-1 is kept:', '  app-1/bin/app', '    names doc-1'])
    expect(answer('libc-1/lib/libc.so.6', null)).to.deep.equal([
      'libc-1/lib/libc.so.6 is kept:', '  app-1/bin/app', '    needs libc-1/lib/libc.so', '    links to libc-1/lib/libc.so.6',
    ])
  })

  it('may be no more than that no rule drops it', () => {
    expect(answer('other', null)).to.deep.equal(['other-1 is kept because no rule drops it. Nothing that the result comes to refers to it.'])
  })

  it('is said of what is not kept, too', () => {
    expect(answer('tool', '/store/tool-1\n')).to.deep.equal(['tool-1 is dropped by line 1: /store/tool-1.'])
  })

  it('is not known of what is not there', () => {
    expect(() => answer('gcc', null)).to.throw('The closure has no path with "gcc" in its name.').that.includes({code: 'NO_SUCH_PATH', exitCode: 2})
  })
})

describe('a list of paths', () => {
  it('is relative to the folder that holds store/, sorted by bytes, a directory with a slash', () => {
    const paths: Contents = {'a-1/x': [], 'a-1/x-y': [], 'a-1/x.d/z': []}
    expect(listPaths(judged(paths, 'z\n'), 'kept')).to.deep.equal(['store/', 'store/a-1/', 'store/a-1/x', 'store/a-1/x-y'])
    expect(listPaths(judged(paths, 'z\n'), 'excluded')).to.deep.equal(['store/a-1/x.d/', 'store/a-1/x.d/z'])
    expect(listPaths(judged(paths, '*\n'), 'excluded')[0]).to.equal('store/')
  })
})
