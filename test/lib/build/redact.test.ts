import {expect} from 'chai'
import fc from 'fast-check'
import {redactor, redactText, secretForms} from '../../../src/lib/build/redact.ts'

describe('redaction', () => {
  it('hides a secret wherever it stands', () => {
    expect(redactText('key=s3cr3t-value, again s3cr3t-value', ['s3cr3t-value'])).to.equal('key=[hidden], again [hidden]')
  })

  it('hides the second part of a signing key, and the URL-encoded form', () => {
    expect(secretForms(['app-1:ab+/cdef'])).to.have.members(['app-1:ab+/cdef', 'app-1%3Aab%2B%2Fcdef', 'ab+/cdef'])
    expect(redactText('ab+/cdef', ['app-1:ab+/cdef'])).to.equal('[hidden]')
  })

  it('leaves alone what is too short to be a secret, and everything where there is none', () => {
    expect(redactText('a b c', ['a', ''])).to.equal('a b c')
  })

  it('keeps bytes that are no UTF-8', () => {
    const stream = redactor(['s3cr3t-value'])
    const bytes = Buffer.from([0xff, 0xfe, 0x80, 0x0a])
    expect(Buffer.concat([stream.push(bytes), stream.end()])).to.deep.equal(bytes)
  })

  it('gives the same however the stream is cut', () => {
    const secret = 'abcabcabd'
    fc.assert(fc.property(
      fc.array(fc.constantFrom('abc', 'abcabcabd', 'ab', 'x', 'abcabcabcabd', '\n')),
      fc.array(fc.integer({min: 1, max: 7})),
      (parts, cuts) => {
        const text = parts.join('')
        const stream = redactor([secret])
        let output = ''
        let rest = text
        for (const cut of cuts) {
          output += stream.push(Buffer.from(rest.slice(0, cut))).toString()
          rest = rest.slice(cut)
        }

        output += stream.push(Buffer.from(rest)).toString() + stream.end().toString()
        expect(output).to.equal(text.replaceAll(secret, '[hidden]'))
      },
    ))
  })
})
