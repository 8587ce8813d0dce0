import {expect} from 'chai'
import {NixError} from '../../../src/lib/errors.ts'
import {checkBuildpackUrl} from '../../../src/lib/setup/buildpack-url.ts'
import {planBuildpacks} from '../../../src/lib/setup/buildpacks.ts'
import {describePlan} from '../../../src/lib/setup/describe.ts'
import {planSetup, type SetupFacts} from '../../../src/lib/setup/plan.ts'

const OURS = 'https://github.com/heroku-nix/heroku-nix#v0.2.0'
const DIGEST = 'ab'.repeat(32)

const facts = (change: Partial<SetupFacts> = {}): SetupFacts => ({
  app: {name: 'example-app', region: 'us-east-1'}, vars: {}, buildpacks: [], buildpack: OURS, askedBuildpack: null,
  bucket: {bucket: 'example-bucket', key: 'AKIAEXAMPLE', secret: 'the-secret', region: 'us-east-1', endpoint: null},
  bucketExists: true, appName: null, newSigningKey: 'example-app-1:the-signing-key',
  toolbox: {digest: DIGEST, uploaded: false, version: '0.2.0', currentVersion: null}, ...change,
})

const DONE = {
  NIX_S3_KEY: 'AKIAEXAMPLE', NIX_S3_SECRET: 'the-secret', NIX_S3_BUCKET: 'example-bucket', NIX_S3_REGION: 'us-east-1',
  NIX_APP_NAME: 'example-app', NIX_SIGNING_KEY: 'example-app-1:old', NIX_TOOLBOX: DIGEST,
}

describe('the plan of nix:setup', () => {
  it('shows a new app all of its steps, in their order, and no secret', () => {
    expect(describePlan(planSetup(facts({bucketExists: false})))).to.deep.equal([
      'To set up example-app for Nix builds:',
      '  * create the bucket example-bucket in us-east-1',
      '  * upload the toolbox abababababab, which dynos start from',
      '  * set config vars, which makes a release and restarts the dynos:',
      '      NIX_S3_KEY=(hidden)',
      '      NIX_S3_SECRET=(hidden)',
      '      NIX_S3_BUCKET=example-bucket',
      '      NIX_S3_REGION=us-east-1',
      '      NIX_APP_NAME=example-app',
      '      NIX_SIGNING_KEY=(hidden)',
      `      NIX_TOOLBOX=${DIGEST}`,
      `  * add the buildpack ${OURS}`,
    ])
  })

  it('is empty for an app that is set up', () => {
    const plan = planSetup(facts({vars: DONE, buildpacks: ['heroku/nodejs', OURS], toolbox: {digest: DIGEST, uploaded: true, version: '0.2.0', currentVersion: '0.2.0'}}))
    expect(plan.steps).to.deep.equal([])
    expect(describePlan(plan)).to.deep.equal(['example-app is set up for Nix builds; there is nothing to do.'])
  })

  it('changes only the config vars that differ, and never a signing key', () => {
    const plan = planSetup(facts({vars: {...DONE, NIX_S3_REGION: 'eu-west-1', NIX_S3_ENDPOINT: 'https://old.example.test'}, buildpacks: [OURS]}))
    expect(plan.steps.find(({kind}) => kind === 'set-config-vars')).to.deep.equal({
      kind: 'set-config-vars', vars: {NIX_S3_REGION: 'us-east-1', NIX_S3_ENDPOINT: null},
    })
  })

  it('leaves a newer toolbox alone, and says so', () => {
    const plan = planSetup(facts({
      vars: {...DONE, NIX_TOOLBOX: 'cd'.repeat(32)}, buildpacks: [OURS],
      toolbox: {digest: DIGEST, uploaded: false, version: '0.9.0', currentVersion: '0.10.0'},
    }))
    expect(plan.steps).to.deep.equal([])
    expect(plan.notes).to.deep.equal(["example-app's toolbox is of heroku-nix 0.10.0, newer than this plugin (0.9.0), and stays. Newer: heroku plugins:update"])
  })

  it('replaces an older toolbox', () => {
    const plan = planSetup(facts({
      vars: {...DONE, NIX_TOOLBOX: 'cd'.repeat(32)}, buildpacks: [OURS],
      toolbox: {digest: DIGEST, uploaded: false, version: '0.2.0', currentVersion: '0.1.9'},
    }))
    expect(plan.steps.map(({kind}) => kind)).to.deep.equal(['upload-toolbox', 'set-config-vars'])
  })

  it('explains what the buildpack of 2016 left, and a bucket that is far away', () => {
    const plan = planSetup(facts({
      app: {name: 'example-app', region: 'eu-west-1'}, buildpacks: ['https://github.com/mayhewluke/nix-heroku-buildpack.git'],
      vars: {NIX_VERSION: '1.11', NIX_BUILD_ON_PUSH: '0'},
    }))
    expect(plan.notes).to.deep.equal([
      'NIX_VERSION is 1.11, which the old buildpack used; builds need 2.32 or newer. Take it away: heroku config:unset NIX_VERSION --app example-app',
      'NIX_BUILD_ON_PUSH is "0". For the old buildpack any value meant on; now this one means off.',
      'https://github.com/mayhewluke/nix-heroku-buildpack.git is the buildpack of 2016. It runs everything under PRoot, which Heroku no longer permits; the plan takes it away.',
      'The bucket is in us-east-1, the app in eu-west-1: each build moves its closure between them, which is slower and is billed as transfer.',
    ])
  })
})

describe('the buildpacks after nix:setup', () => {
  const MIRROR = 'https://git.example.test/mirrors/heroku-nix.git#v0.2.0'
  const rows: [name: string, before: string[], after: string[] | null, asked?: string][] = [
    ['have ours at the end', ['heroku/nodejs', 'urn:buildpack:heroku/python'], ['heroku/nodejs', 'urn:buildpack:heroku/python', OURS]],
    ['have ours in the place of the old project', ['a', 'https://github.com/mayhewluke/nix-heroku-buildpack', 'b'], ['a', OURS, 'b']],
    ['have ours in the place of an older version', ['https://github.com/heroku-nix/heroku-nix.git#v0.1.9', 'b'], [OURS, 'b']],
    ['have ours in the place of one without a version', ['https://github.com/heroku-nix/heroku-nix'], [OURS]],
    ['keep a newer version', ['https://github.com/heroku-nix/heroku-nix#v0.10.0'], null],
    ['keep a branch that somebody chose', ['https://github.com/heroku-nix/heroku-nix#main'], null],
    ['lose the old project beside ours', ['https://github.com/mayhewluke/nix-heroku-buildpack', OURS, 'b'], [OURS, 'b']],
    ['stay when ours is there', [OURS, 'b'], null],
    ['stay when ours is there, at a mirror', ['a', MIRROR.replace('0.2.0', '0.1.0')], null],
    ['have the mirror that was asked for in the place of ours', [OURS, 'b'], [MIRROR, 'b'], MIRROR],
    ['have what was asked for in the place of a mirror', [MIRROR], [OURS], OURS],
    ['have one of another name that was asked for', [OURS], ['https://git.example.test/another-name#v1'], 'https://git.example.test/another-name#v1'],
    ['stay when what was asked for is there', ['https://git.example.test/another-name#v1'], null, 'https://git.example.test/another-name#v1'],
  ]
  for (const [name, before, after, asked = null] of rows) {
    it(name, () => {
      const change = planBuildpacks(before, OURS, asked)
      expect(change.kind === 'none' ? null : change.buildpacks).to.deep.equal(after)
    })
  }
})

describe('the URL of a buildpack', () => {
  for (const url of [OURS, 'git@git.example.test:mirrors/heroku-nix.git#v0.2.0', 'ssh://git.example.test/heroku-nix', 'urn:buildpack:example/heroku-nix', 'example/heroku-nix', 'file:///srv/heroku-nix', 'https://example.test/heroku-nix.tgz']) {
    it(`may be ${url}`, () => {
      expect(checkBuildpackUrl(url)).to.equal(url)
    })
  }

  const rows: [name: string, url: string, says: string][] = [
    ['not be signed, as it would expire', 'https://bucket.s3.amazonaws.com/heroku-nix.tgz?X-Amz-Expires=3600&X-Amz-Signature=secret', 'https://bucket.s3.amazonaws.com/heroku-nix.tgz?… has a query'],
    ['not hold a password', 'https://user:secret@git.example.test/heroku-nix', 'holds a password'],
    ['not be empty', '', '"" is no URL'],
    ['not be two', 'https://a.example.test/b https://a.example.test/c', 'is no URL'],
  ]
  for (const [name, url, says] of rows) {
    it(`may ${name}`, () => {
      expect(() => checkBuildpackUrl(url)).to.throw(NixError, says).with.property('message').that.does.not.include('secret')
    })
  }
})
