import {once} from 'node:events'
import {createWriteStream} from 'node:fs'
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {pipeline} from 'node:stream/promises'
import {createGzip} from 'node:zlib'

import {type Header, pack} from 'tar-stream'

import type {Dyno, DynoEnd, DynoSpec, DynoState} from '../../../standin/dynos/contract.ts'
import {createDynoHost, type DynoHostOptions, type JailedDynoHost} from '../../../standin/dynos/host.ts'
import {ensureImage} from '../../../standin/image/ensure.ts'

/** The first image takes a minute of downloading and unpacking. */
export const IMAGE_TIMEOUT = 300_000

export interface TestHost extends JailedDynoHost, AsyncDisposable {
  dir: string
  run(command: string, spec?: Partial<DynoSpec>): Promise<{output: string; end: DynoEnd}>
}

export async function testHost(options: Partial<DynoHostOptions> = {}): Promise<TestHost> {
  const dir = await mkdtemp(join(tmpdir(), 'dynos-'))
  const host = await createDynoHost({dir, image: await ensureImage(), ...options})
  return {
    ...host,
    dir,
    async run(command, spec = {}) {
      const dyno = host.start(dynoSpec(command, spec))
      dyno.input.end()
      const [output, end] = await Promise.all([text(dyno.output), dyno.ended])
      return {output, end}
    },
    async [Symbol.asyncDispose]() {
      await host.close()
      await rm(dir, {recursive: true, force: true})
    },
  }
}

export function dynoSpec(command: string, spec: Partial<DynoSpec> = {}): DynoSpec {
  return {
    name: 'run.1', command, env: {}, slug: null, terminal: null, web: null, timeToLiveMs: null, graceMs: 10_000, maxThreads: 256, memory: null, overrun: 'process', cycleMs: null,
    ...spec,
  }
}

export async function reaches(dyno: Dyno, state: DynoState): Promise<void> {
  if (dyno.state !== state) {
    await new Promise<void>(resolve => {
      dyno.onState(now => {
        if (now === state) {
          resolve()
        }
      })
    })
  }
}

/** Waits until the dyno has written the words; what it wrote so far is the answer, and what it writes after is kept for the next reader. */
export async function says({output}: Dyno, words: string): Promise<string> {
  let heard = ''
  while (!heard.includes(words)) {
    const chunk = output.read() as Buffer | null
    heard += chunk?.toString() ?? ''
    if (chunk === null) {
      await once(output, 'readable')
    }
  }

  return heard
}

export type Member = Partial<Header> & {name: string; content?: Buffer | string}

export async function slugOf(file: string, members: readonly Member[]): Promise<string> {
  const archive = pack()
  for (const {content = '', ...header} of members) {
    archive.entry(header, content)
  }

  archive.finalize()
  await pipeline(archive, createGzip(), createWriteStream(file))
  return file
}
