import {expect} from 'chai'
import {PassThrough} from 'node:stream'
import {readCgiHead} from '../../../standin/git/cgi.ts'
import {parseUpdates} from '../../../standin/git/hook-server.ts'

describe('the header of a CGI program', () => {
  it('is read however it is cut, and what follows is kept', async () => {
    const output = new PassThrough()
    const read = readCgiHead(output)
    for (const part of ['Status: 403 For', 'bidden\r\nContent-Type: text/plain\r', '\n\r\nbo']) output.write(part)
    const {status, headers, rest} = await read
    expect({status, headers, rest: rest.toString()}).to.deep.equal({status: 403, headers: {'Content-Type': 'text/plain'}, rest: 'bo'})
  })

  it('that never ends is an error', async () => {
    const output = new PassThrough()
    output.end('Content-Type: x')
    const error = await readCgiHead(output).then(() => null, (reason: unknown) => reason as Error)
    expect(error?.message).to.equal('git http-backend ended without an answer')
  })
})

describe('what pre-receive reads', () => {
  it('is a line for each reference', () => {
    expect(parseUpdates('0 a refs/heads/main\nb 0 refs/tags/v1\n')).to.deep.equal([
      {from: '0', to: 'a', ref: 'refs/heads/main'}, {from: 'b', to: '0', ref: 'refs/tags/v1'},
    ])
  })
})
