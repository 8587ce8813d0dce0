import type {ClosurePath, PendingBuild, RunningBuild, SucceededBuild, UnsuccessfulBuild} from '../../../src/lib/build/record.ts'
import {signRecord} from '../../../src/lib/build/signed-text.ts'
import {makeSecretKey} from '../../../src/lib/signing/nix-key.ts'

export const KEY = makeSecretKey('example-app-1', Buffer.alloc(32, 1))
export const hex = (digit: string, length = 64): string => digit.repeat(length)
export const storePath = (letter: string, name: string): string => `/nix/store/${letter.repeat(32)}-${name}`

const path = (letter: string, name: string, references: string[] = []): ClosurePath =>
  ({path: storePath(letter, name), narHash: `sha256:${letter.repeat(52)}`, narSize: 120, references})

export const PENDING: PendingBuild = {
  version: 1, id: '20261123-093000-ab12', app: 'example-app', createdAt: '2026-11-23T09:30:00.000Z', state: 'pending',
  source: {tree: hex('a', 40), commit: hex('b', 40), sha256: hex('c')},
  buildFlags: '-A app', toolbox: hex('d'), dynoSize: 'performance-l', timeToLive: 3600,
}

const {version, id, app, createdAt, source, buildFlags, toolbox, dynoSize, timeToLive} = PENDING
const BASE = {version, id, app, createdAt, source, buildFlags, toolbox, dynoSize, timeToLive}
const CLAIM = {dyno: 'run.1234', nonce: 'n0nce', claimedAt: '2026-11-23T09:30:05.000Z'}

export const RUNNING: RunningBuild = {...BASE, state: 'running', claim: CLAIM, heartbeatAt: '2026-11-23T09:30:08.000Z', logSegments: 2}

export const UNSIGNED: Omit<SucceededBuild, 'signature'> = {
  ...BASE, state: 'succeeded', claim: CLAIM, finishedAt: '2026-11-23T09:31:00.000Z', logSegments: 3,
  outcome: {
    engine: 'relocate', probe: {ptrace: 'refused'}, result: storePath('a', 'hello'), drvPath: storePath('d', 'hello.drv'),
    closure: [path('a', 'hello', [storePath('a', 'hello'), storePath('b', 'glibc-2.40')]), path('b', 'glibc-2.40')],
    layer: {key: `heroku/layers/${hex('1')}.tar.gz`, digest: hex('1'), sha256: hex('2'), size: 1000, unpackedSize: 3000},
    listing: {key: 'heroku/apps/example-app/builds/20261123-093000-ab12/files.jsonl.gz', sha256: hex('3'), size: 100},
    programs: ['gunicorn', 'hello'],
  },
}
export const SUCCEEDED: SucceededBuild = signRecord(UNSIGNED, KEY)

export const FAILED: UnsuccessfulBuild = {
  ...BASE, state: 'failed', claim: CLAIM, finishedAt: '2026-11-23T09:31:00.000Z', logSegments: 3,
  failure: {code: 'NIX_BUILD_FAILED', message: 'nix-build failed with exit status 100.', exitStatus: 100, suggestions: ['heroku nix:build']},
}
