import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {serveBucket} from '../../support/served-bucket.ts'
import type {ServedBucket} from '../../support/served-bucket.ts'
import {describeContract} from './contract.ts'

describe('the embedded bucket keeps S3\'s contract:', () => {
  let dir: string
  let server: ServedBucket
  const start = (port: number) => serveBucket({dir, port, bucket: 'contract', region: 'eu-west-1'})

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'heroku-nix-bucket-'))
    server = await start(0)
  })

  after(async () => {
    await server.kill()
    await rm(dir, {recursive: true})
  })

  describeContract({
    access: () => server,
    deviations: {},
    programs: ['the server'],
    kill: () => server.kill(),
    restart: async () => {
      server = await start(Number(new URL(server.endpoint).port))
    },
  })
})
