import {expect} from 'chai'
import NixBuild from '../../src/commands/nix/build.ts'
import NixSetup from '../../src/commands/nix/setup.ts'
import {playSuccess} from './play-dyno.ts'
import type {World} from './world.ts'

/** What comes before a release. */
export interface Steps {
  /** creates an app and runs nix:setup */
  setUp: (app: string) => Promise<void>
  signingKey: (app: string) => Promise<string>
  /** orders a build of the project as it is, plays its dyno, and gives back its id */
  build: (app: string, program?: string, key?: string) => Promise<string>
  /** how many POST requests had a path that ends so */
  posts: (end: string) => Promise<number>
}

/** Answers each request with "hello"; Perl is what a run image has. */
export const SERVER = String.raw`exec perl -MIO::Socket::INET -e '
  $server = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => $ENV{PORT}, Listen => 5, ReuseAddr => 1) or die;
  while ($client = $server->accept) { print $client "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"; close $client }
'
`

export function stepsIn(world: () => World): Steps {
  const signingKey: Steps['signingKey'] = async app =>
    (await world().standin.api<Record<string, string>>('GET', `/apps/${app}/config-vars`)).body['NIX_SIGNING_KEY'] ?? ''
  return {
    signingKey,

    async setUp(app) {
      const {standin, run} = world()
      const {s3} = standin.line
      await standin.createApp(app)
      const {error} = await run(NixSetup, [`--app=${app}`, `--bucket=${s3.bucket}`, `--endpoint=${s3.endpoint}`, `--key=${s3.key}`, `--confirm=${app}`, '--secret-stdin'], {input: s3.secret})
      expect(error).to.equal(null)
    },

    async build(app, program = SERVER, key) {
      const {run, bucket} = world()
      const {result, error} = await run(NixBuild, [`--app=${app}`, '--force', '--detach'])
      expect(error).to.equal(null)
      const id = (result as {build: string}).build
      await playSuccess(bucket, {app, build: id, signingKey: key ?? await signingKey(app), program})
      return id
    },

    posts: async end => (await world().standin.requests()).filter(({method, path}) => method === 'POST' && path.endsWith(end)).length,
  }
}
