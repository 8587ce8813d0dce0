import {expect} from 'chai'
import {parseConfig} from '../../src/lib/config-vars.ts'

const VARS = {NIX_S3_KEY: 'key', NIX_S3_SECRET: 'secret', NIX_S3_BUCKET: 'bucket', NIX_APP_NAME: 'app', NIX_SIGNING_KEY: 'name:key'}

describe('NIX_CACHE_TAINTED', () => {
  for (const [value, meaning] of [[undefined, 'own'], ['', 'own'], ['own', 'own'], ['publish', 'publish']] as const) {
    it(`${value === undefined ? 'that is not set' : JSON.stringify(value)} means ${meaning}`, () => {
      expect(parseConfig({...VARS, NIX_CACHE_TAINTED: value}, 'example-app').cacheTainted).to.equal(meaning)
    })
  }

  it('is refused where it is anything else', () => {
    expect(() => parseConfig({...VARS, NIX_CACHE_TAINTED: 'yes'}, 'example-app'))
      .to.throw('NIX_CACHE_TAINTED is "yes"; it can be own or publish.').with.property('code', 'BAD_CONFIG_VAR')
  })
})
