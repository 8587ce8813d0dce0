// The pre-receive hook of every app's repository: hands the push to the stand-in and prints what comes back, which git carries to
// the client as lines of `remote: `. Its own process, because git starts one.
import {request} from 'node:http'
import {text} from 'node:stream/consumers'

const {STANDIN_HOOK_URL: url = '', ...env} = process.env
const updates = await text(process.stdin)
// Where the pushed objects are until the push is accepted: git-receive-pack(1), "Quarantine environment".
const quarantine = Object.fromEntries(['GIT_OBJECT_DIRECTORY', 'GIT_ALTERNATE_OBJECT_DIRECTORIES', 'GIT_QUARANTINE_PATH'].flatMap(name => {
  const value = env[name]
  return value === undefined ? [] : [[name, value]]
}))

const sent = request(url, {method: 'POST', headers: {'Content-Type': 'application/json'}}, answer => {
  answer.pipe(process.stdout)
  answer.once('end', () => {
    process.exitCode = answer.trailers['x-verdict'] === 'accepted' ? 0 : 1
  })
  answer.once('error', () => {
    process.exitCode = 1
  })
})
sent.once('error', error => {
  process.exitCode = 1
  process.stderr.write(`!\tThe stand-in cannot be reached: ${error.message}\n`)
})
// Nothing but an accepted push ends with 0.
process.exitCode = 1
sent.end(JSON.stringify({updates, quarantine}))
