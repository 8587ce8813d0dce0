import {expect} from 'chai'
import {NixError} from '../../../src/lib/errors.ts'
import {checkSupported} from '../../../src/lib/platform/supported.ts'
import type {App} from '../../../src/lib/platform/types.ts'

const app = (change: Partial<App>): App => ({
  id: '1', name: 'example-app', region: 'us', stack: 'heroku-24', generation: 'cedar', space: null, webUrl: null, slugSize: null, ...change,
})

describe('which apps can have builds', () => {
  for (const stack of ['heroku-24', 'heroku-26']) {
    it(`are those of ${stack}`, () => expect(checkSupported(app({stack}))).to.deep.equal({presignedLoader: false, notes: []}))
  }

  it('are those of heroku-22, whose dynos get signed URLs, with a note', () => {
    const {presignedLoader, notes} = checkSupported(app({stack: 'heroku-22'}))
    expect(presignedLoader).to.equal(true)
    expect(notes).to.deep.equal([
      "example-app's stack heroku-22 ends on 2027-04-30, and its curl cannot sign requests: the dyno gets a signed URL. Newer: heroku stack:set heroku-24 --app example-app",
    ])
  })

  const refused: [name: string, change: Partial<App>, code: string, message: string][] = [
    ['Fir apps', {generation: 'fir', stack: 'cnb'}, 'FIR_APP', 'example-app is a Fir app: it runs container images, and slugs cannot be released to it.'],
    ['the stack container', {stack: 'container'}, 'CONTAINER_APP', 'example-app has the stack "container": it runs Docker images, and slugs cannot be released to it.'],
    ['the stack cnb', {stack: 'cnb'}, 'CNB_APP', 'example-app has the stack "cnb": it runs images of Cloud Native Buildpacks, and slugs cannot be released to it.'],
    ['a stack of old', {stack: 'heroku-16'}, 'UNKNOWN_STACK', 'example-app has the stack "heroku-16", on which builds were never tried.'],
  ]
  for (const [name, change, code, message] of refused) {
    it(`are not ${name}`, () => {
      let caught: unknown
      try {
        checkSupported(app(change))
      } catch (error) {
        caught = error
      }

      expect(caught).to.be.instanceOf(NixError)
      const {code: actual, message: text, exitCode, suggestions} = caught as NixError
      expect([actual, text, exitCode]).to.deep.equal([code, message, 7])
      expect(suggestions).to.not.be.empty
    })
  }
})
