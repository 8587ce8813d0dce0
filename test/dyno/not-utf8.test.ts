import {expect} from 'chai'
import {LogEnd, nixBuildFailed} from '../../src/dyno/build/nix-build-failed.ts'
import {notUtf8In} from '../../src/dyno/build/not-utf8.ts'

/** A derivation's text, in which \xe9 is a byte of its own. */
function derivation({args = '', env = ''}): Buffer {
  return Buffer.from(`Derive([("out","/nix/store/x","","")],[("/nix/store/y.drv",["out"])],["/nix/store/z"],"x86_64-linux","/bin/sh",["-c"${args}],[("name","x")${env}])`, 'latin1')
}

describe('what in a derivation is no UTF-8', () => {
  for (const [what, parts, found] of [
    ['nothing', {}, null],
    ['nothing, where it is UTF-8', {env: ',("text","caf\xc3\xa9")'}, null],
    ['an attribute', {env: ',("text","caf\xe9")'}, 'attribute text'],
    ['an attribute with quotes in it', {env: String.raw`,("a","\"),(\"b\",\"` + '\xe9")'}, 'attribute a'],
    ['an argument', {args: ',"caf\xe9"'}, 'arguments'],
    ['nothing that is passed as a file', {env: ',("passAsFile","other text"),("text","caf\xe9")'}, null],
    ['what is beside that', {env: ',("passAsFile","text"),("text","\xe9"),("title","\xe9")'}, 'attribute title'],
  ] as const) {
    it(`is ${what}`, () => {
      expect(notUtf8In(derivation(parts))).to.equal(found)
    })
  }
})

describe('a nix-build that failed', () => {
  it('is told with its exit status, and nothing is made up', () => {
    const {message, suggestions} = nixBuildFailed({status: 100, signal: null}, 'error: builder failed', '/nowhere')
    expect([message, suggestions]).to.deep.equal(['nix-build failed with exit status 100.', []])
  })

  it('keeps the end of its log alone', () => {
    const log = new LogEnd()
    for (let n = 0; n < 100; n++) log.take(Buffer.from('x'.repeat(1000)))
    log.take(Buffer.from('the end'))
    expect([log.text().length, log.text().endsWith('xthe end')]).to.deep.equal([16 * 1024, true])
  })
})
