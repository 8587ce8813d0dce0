import {expect} from 'chai'
import {formatBytes} from '../../../src/lib/output/units.ts'
import {withApp} from '../../../src/lib/output/with-app.ts'

describe('a suggestion', () => {
  const rows: [before: string, after: string][] = [
    ['heroku nix:build', 'heroku nix:build --app example-app'],
    ['heroku nix:build --force', 'heroku nix:build --app example-app --force'],
    ['heroku nix:setup, which prints the IAM policy', 'heroku nix:setup --app example-app, which prints the IAM policy'],
    ['heroku nix:build --size x --app other', 'heroku nix:build --size x --app other'],
    ['heroku nix:setup --app other', 'heroku nix:setup --app other'],
    ['git commit && heroku nix:build', 'git commit && heroku nix:build --app example-app'],
    ['heroku addons:create bucketeer --app other && heroku nix:setup --bucketeer', 'heroku addons:create bucketeer --app other && heroku nix:setup --app example-app --bucketeer'],
    ['heroku login', 'heroku login'],
  ]
  for (const [before, after] of rows) {
    it(`names the app: ${after}`, () => expect(withApp(before, 'example-app')).to.equal(after))
  }
})

describe('bytes', () => {
  const rows: [bytes: number, text: string][] = [
    [0, '0 B'], [1023, '1023 B'], [1024, '1.0 kB'], [1536, '1.5 kB'], [102_300, '99.9 kB'], [102_399, '100 kB'], [2 ** 20 - 600, '1023 kB'], [2 ** 20 - 1, '1.0 MB'],
    [50_855_936, '48.5 MB'], [500 * 2 ** 20, '500 MB'], [2 ** 30, '1.0 GB'], [2 ** 51, '2048 TB'],
  ]
  for (const [bytes, text] of rows) it(`are written as ${text}`, () => expect(formatBytes(bytes)).to.equal(text))
})
