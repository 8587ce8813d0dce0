import {expect} from 'chai'
import {NixError} from '../../../src/lib/errors.ts'
import {bucketPlace, chooseCredentials, type Wishes} from '../../../src/lib/setup/settings.ts'

const wishes = (change: Partial<Wishes> = {}): Wishes => ({bucket: null, region: null, endpoint: null, key: null, appName: null, bucketeer: false, ...change})
const app = {name: 'example-app', region: 'eu-west-1'}
const BUCKETEER = {BUCKETEER_BUCKET_NAME: 'b', BUCKETEER_AWS_REGION: 'us-east-1', BUCKETEER_AWS_ACCESS_KEY_ID: 'k', BUCKETEER_AWS_SECRET_ACCESS_KEY: 's'}

function code(act: () => unknown): string | null {
  try {
    act()
    return null
  } catch (error) {
    return error instanceof NixError ? error.code : 'another error'
  }
}

describe('the bucket that nix:setup uses', () => {
  it("is the flags', in the app's region", () => {
    expect(bucketPlace(wishes({bucket: 'new'}), {NIX_S3_BUCKET: 'old', NIX_S3_REGION: 'us-east-1', NIX_S3_ENDPOINT: 'https://old.example.test'}, app))
      .to.deep.equal({bucket: 'new', region: 'eu-west-1', endpoint: null})
  })

  it("is the app's, where the flags say nothing", () => {
    expect(bucketPlace(wishes(), {NIX_S3_BUCKET: 'old', NIX_S3_REGION: 'us-east-1', NIX_S3_ENDPOINT: 'https://old.example.test'}, app))
      .to.deep.equal({bucket: 'old', region: 'us-east-1', endpoint: 'https://old.example.test'})
  })

  it("is the add-on's with --bucketeer", () => {
    expect(bucketPlace(wishes({bucketeer: true}), {...BUCKETEER, NIX_S3_BUCKET: 'old'}, app)).to.deep.equal({bucket: 'b', region: 'us-east-1', endpoint: null})
  })

  it('must be named by somebody', () => expect(code(() => bucketPlace(wishes(), {}, app))).to.equal('NO_BUCKET'))
  it('is not the add-on\'s where there is none', () => expect(code(() => bucketPlace(wishes({bucketeer: true}), {}, app))).to.equal('NO_BUCKETEER'))
})

describe('the keys that nix:setup uses', () => {
  const choose = (change: Partial<Parameters<typeof chooseCredentials>[0]>) =>
    chooseCredentials({wishes: wishes(), vars: {}, env: {}, pointed: null, app: 'example-app', ...change})
  const CONFIGURED = {NIX_S3_KEY: 'app-key', NIX_S3_SECRET: 'app-secret'}
  const ENVIRONMENT = {AWS_ACCESS_KEY_ID: 'env-key', AWS_SECRET_ACCESS_KEY: 'env-secret'}

  const rows: [name: string, given: Parameters<typeof choose>[0], expected: string][] = [
    ["are the app's, where nothing else is said", {vars: CONFIGURED, env: ENVIRONMENT}, "app-key app-secret the app's config vars"],
    ["are the environment's for a new app", {env: ENVIRONMENT}, 'env-key env-secret AWS_SECRET_ACCESS_KEY'],
    ["are --key and the environment's secret, if that names no other key", {wishes: wishes({key: 'k'}), env: {AWS_SECRET_ACCESS_KEY: 's'}}, 'k s AWS_SECRET_ACCESS_KEY'],
    ["are the profile's before the app's", {vars: CONFIGURED, pointed: {key: 'p', secret: 's', from: 'the AWS profile x'}}, 'p s the AWS profile x'],
    ["are the app's key with a new secret from standard input", {vars: CONFIGURED, pointed: {key: null, secret: 'new', from: 'standard input'}}, 'app-key new standard input'],
    ["are the add-on's with --bucketeer", {wishes: wishes({bucketeer: true}), vars: {...CONFIGURED, ...BUCKETEER}}, 'k s the add-on Bucketeer'],
    ['lack a secret for a new key', {wishes: wishes({key: 'new'}), vars: CONFIGURED, env: ENVIRONMENT}, 'ask for new'],
  ]
  for (const [name, given, expected] of rows) {
    it(name, () => {
      const source = choose(given)
      const text = source.kind === 'ask' ? `ask for ${source.key}` : `${source.credentials.key} ${source.credentials.secret} ${source.credentials.from}`
      expect(text).to.equal(expected)
    })
  }

  it('must be named by somebody', () => expect(code(() => choose({}))).to.equal('NO_KEY'))
})
