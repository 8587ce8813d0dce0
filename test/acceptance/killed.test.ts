import {expect} from 'chai'
import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {MAX_BACKLOG} from '../../src/dyno/cache/backlog.ts'
import {s3Bucket, type S3Bucket} from '../../src/lib/bucket/s3-bucket.ts'
import {parseSecretKey, type PublicKey} from '../../src/lib/signing/nix-key.ts'
import {checkCache} from '../support/check-cache.ts'
import {randomNumbers} from '../support/random.ts'
import {buildUntilKilled, type Attempt} from './support/killed-builds.ts'
import {Project} from './support/project.ts'
import {sharedScene, type App, type Scene} from './support/scene.ts'
import {manyParts} from './support/small-app.ts'

// bin/chaos dyno gives other seeds and more kills, and builds the demo app.
const IS_CHAOS = process.env['CHAOS_KILLS'] !== undefined
const SEED = Number(process.env['CHAOS_SEED'] ?? 1)
const KILLS = Number(process.env['CHAOS_KILLS'] ?? 2)
const NEVER_MS = 900_000
/** What an undisturbed build of the small app takes, about. */
const SMALL_MS = 6000
/** Nix begins nothing while more than the backlog waits; the path that made it more is then registered already. */
const MOST_UNSAVED = MAX_BACKLOG.paths + 1

describe(`a build whose dyno is killed ${KILLS} times (seed ${SEED})`, function () {
  this.timeout(120_000 + KILLS * 90_000)
  let scene: Scene
  let app: App
  let bucket: S3Bucket
  let trusted: PublicKey

  before(async () => {
    scene = await sharedScene()
    const dir = join(scene.dir, 'killed')
    // In a bucket of its own: what others' keys have signed would count as forged.
    app = await scene.app('killed', IS_CHAOS ? await Project.example(dir) : await Project.of(dir, manyParts('round 0')), 'killed-cache')
    await app.setUp()
    bucket = s3Bucket(app.bucket)
    const {NIX_SIGNING_KEY: signingKey = ''} = await app.api('GET', '/config-vars') as Record<string, string>
    trusted = parseSecretKey(signingKey).publicKey
  })
  after(() => (bucket as S3Bucket | undefined)?.close())

  /** Makes every derivation another one, so that nothing of it has been built. */
  async function changeAll(round: number): Promise<void> {
    if (!IS_CHAOS) return app.project.change(manyParts(`round ${round}`))
    const script = join('nix', 'package.sh')
    await app.project.change({[script]: `${await readFile(join(app.project.dir, script), 'utf8')}# Round ${round}.\n`})
  }

  it('goes on from what was finished, and every moment leaves the bucket whole', async () => {
    const random = randomNumbers(SEED)
    const known = new Map<string, string>()
    const span = IS_CHAOS ? (await buildUntilKilled(scene, app, bucket, NEVER_MS)).ms : SMALL_MS
    say({span})
    for (let left = KILLS, round = 1; left > 0; round++) {
      await changeAll(round)
      let before: {attempt: Attempt; saved: ReadonlySet<string>} | null = null
      for (;;) {
        const attempt = await buildUntilKilled(scene, app, bucket, left > 0 ? random() * span : NEVER_MS)
        const {infos, faults} = await checkCache(bucket, {trusted, known})
        expect(faults, attempt.build).to.deep.equal([])

        const redone = before === null ? [] : redoneIn(attempt, before.attempt)
        expect(redone.filter(derivation => before?.saved.has(derivation)), 'built again although it was saved').to.deep.equal([])
        expect(redone.length, 'built again').to.be.at.most(MOST_UNSAVED)
        const finished = [...attempt.finished]
        const saved = new Set(finished.filter(([, output]) => infos.has(output)).map(([derivation]) => derivation))
        say({round, ...attempt, finished: finished.length, begun: attempt.begun.size, saved: saved.size, redone: redone.length, paths: infos.size})
        if (!attempt.killed) {
          expect(await app.record(attempt.build)).to.have.property('state', 'succeeded')
          break
        }

        expect(finished.length - saved.size, 'finished and not saved').to.be.at.most(MOST_UNSAVED)
        before = {attempt, saved}
        left--
      }
    }

    expect((await checkCache(bucket, {trusted})).faults, 'all of it, read once more').to.deep.equal([])
    await app.heroku('nix:redeploy')
    expect(await app.page()).to.deep.equal({status: 200, text: 'Hello from Nix\n'})
  })
})

/** Derivations that were built although an earlier dyno had finished them. */
function redoneIn(attempt: Attempt, earlier: Attempt): string[] {
  return [...new Set([...attempt.begun, ...attempt.finished.keys()])].filter(derivation => earlier.finished.has(derivation))
}

function say(figures: Record<string, unknown>): void {
  if (IS_CHAOS) process.stdout.write(`${JSON.stringify(figures)}\n`)
}
