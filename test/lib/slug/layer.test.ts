import {execFile} from 'node:child_process'
import {createHash} from 'node:crypto'
import {createWriteStream} from 'node:fs'
import {chmod, mkdir, readdir, readlink, utimes, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Writable} from 'node:stream'
import {promisify} from 'node:util'
import {gunzipSync, gzipSync} from 'node:zlib'
import {expect} from 'chai'
import {fromText, type ByteString} from '../../../src/lib/slug/byte-string.ts'
import type {SlugEntry} from '../../../src/lib/slug/entry.ts'
import {writeLayer, type LayerSummary} from '../../../src/lib/slug/layer.ts'
import {walkView} from '../../../src/lib/slug/walk-view.ts'
import {parseRules} from '../../../src/lib/slugexclude/parse-rules.ts'
import {describeTree, inTemporaryDirectory, makeTree, Memory, unpack, type Plan} from './trees.ts'

const run = promisify(execFile)
const END = gzipSync(Buffer.alloc(1024))
const APP = 'a1-my-app'
const LIBC = 'b2-libc-2.40'

const CLOSURE: Plan = {
  [`${APP}/bin/web`]: {run: '#!/app/.nixs/c3-bash/bin/bash\n'},
  [`${APP}/share/page.html`]: 'Hello from Nix\n',
  [`${APP}/share/empty`]: '',
  [`${APP}/share/doc`]: null,
  [`${APP}/lib`]: {to: `../../${LIBC}/lib`},
  [`${LIBC}/lib/libc.so.6`]: Buffer.alloc(3 * 1024 * 1024 + 17, 'libc'),
  [`${LIBC}/lib/libc.a`]: 'archive',
  [`${LIBC}/lib-a`]: 'sorts before lib/ in a list of paths, and after it in a tree',
  [`${LIBC}/share/locale/de/LC_MESSAGES/libc.mo`]: 'de',
}

interface Written {
  summary: LayerSummary
  bytes: Buffer
}

async function layerOf(view: string, options: {rules?: string; jobs?: number; names?: string[]} = {}): Promise<Written> {
  const sink = new Memory()
  const summary = await writeLayer({
    entries: walkView(view, options.names ?? await readdir(view)), rules: options.rules === undefined ? null : parseRules(options.rules), result: APP, sink,
    ...(options.jobs === undefined ? {} : {jobs: options.jobs}),
  })
  return {summary, bytes: sink.bytes}
}

/** A folder as it is in a slug: read-only files of mtime 1, folders that the owner can write to. */
async function toSlugModes(root: string): Promise<void> {
  await run('find', [root, '-type', 'f', '-perm', '/100', '-exec', 'chmod', '555', '{}', '+'])
  await run('find', [root, '-type', 'f', '-not', '-perm', '/100', '-exec', 'chmod', '444', '{}', '+'])
  await run('find', [root, '-type', 'f', '-exec', 'touch', '-d', '@1', '{}', '+'])
  await run('find', [root, '-type', 'd', '-exec', 'chmod', '755', '{}', '+'])
}

describe('a layer', () => {
  it('unpacks to the closure below app/.nixs, and to app/result', async () => {
    await inTemporaryDirectory(async directory => {
      await makeTree(join(directory, 'view'), CLOSURE)
      const {bytes, summary} = await layerOf(join(directory, 'view'))
      await unpack(Buffer.concat([bytes, END]), join(directory, 'slug'))
      await toSlugModes(join(directory, 'view'))
      expect(await describeTree(join(directory, 'slug', 'app', '.nixs'))).to.deep.equal(await describeTree(join(directory, 'view')))
      expect(await readdir(join(directory, 'slug', 'app'))).to.have.members(['.nixs', 'result'])
      expect(await readlink(join(directory, 'slug', 'app', 'result'))).to.equal(`.nixs/${APP}`)
      expect(summary.size).to.equal(bytes.length)
      expect(summary.kept).to.deep.equal({files: 7, directories: 10, symlinks: 1, bytes: summary.unpackedSize})
      expect(summary.dropped).to.deep.equal({files: 0, directories: 0, symlinks: 0, bytes: 0})
    })
  })

  it('has the bytes that rsync would have left, by the same .slugexclude', async () => {
    const rules = `+ store/**/\n+ *[._]so*\n+ store/*my-app*/**\n- store/**\n`
    await inTemporaryDirectory(async directory => {
      const store = join(directory, 'root', 'store')
      await makeTree(store, CLOSURE)
      await writeFile(join(directory, 'rules'), rules)
      await mkdir(join(directory, 'copy'))
      await run('rsync', ['-a', '--prune-empty-dirs', `--exclude-from=${join(directory, 'rules')}`, `${join(directory, 'root')}/`, `${join(directory, 'copy')}/`])
      await toSlugModes(join(directory, 'copy'))
      const {bytes, summary} = await layerOf(store, {rules})
      await unpack(Buffer.concat([bytes, END]), join(directory, 'slug'))
      expect(await describeTree(join(directory, 'slug', 'app', '.nixs'))).to.deep.equal(await describeTree(join(directory, 'copy', 'store')))
      expect(summary).to.include({emptyDirectories: 5, resultKept: true})
      expect(summary.kept).to.deep.equal({files: 4, directories: 5, symlinks: 1, bytes: summary.unpackedSize})
      expect(summary.dropped).to.deep.equal({files: 3, directories: 5, symlinks: 0, bytes: 69})
      expect([...summary.hits].map(([{text}, count]) => `${text}: ${count}`)).to.have.members(['+ store/**/: 10', '+ *[._]so*: 1', '+ store/*my-app*/**: 4', '- store/**: 3'])
    })
  })

  it('has the same bytes whatever the number of jobs, the umask, the times, the modes of others, and the order of names', async () => {
    await inTemporaryDirectory(async directory => {
      const [one, two] = [join(directory, 'one'), join(directory, 'two')]
      await makeTree(one, CLOSURE)
      const umask = process.umask(0o077)
      try {
        await makeTree(two, Object.fromEntries(Object.entries(CLOSURE).reverse()))
      } finally {
        process.umask(umask)
      }

      await utimes(join(two, APP, 'bin', 'web'), 1234, 5678)
      await chmod(join(two, APP, 'bin', 'web'), 0o700)
      await chmod(join(two, APP, 'share', 'empty'), 0o611)
      const layers = await Promise.all([layerOf(one, {jobs: 1}), layerOf(one, {jobs: 7}), layerOf(two, {jobs: 2, names: [LIBC, APP]})])
      expect(new Set(layers.map(({bytes}) => bytes.toString('base64'))).size).to.equal(1)
      expect(new Set(layers.map(({summary}) => summary.sha256)).size).to.equal(1)
    })
  })

  it('has these very bytes in its tar: a change here needs another LAYER_FORMAT', async () => {
    await inTemporaryDirectory(async directory => {
      await makeTree(directory, CLOSURE)
      const {bytes} = await layerOf(directory)
      const tar = gunzipSync(bytes)
      expect(tar.length % 512).to.equal(0)
      expect(createHash('sha256').update(tar).digest('hex')).to.equal('e1288e450b82c6c951e757cc2edab103195427be47cf4ead23d65f5785aa9761')
    })
  })

  it('holds names that are long, not UTF-8, or of exactly a header field', async () => {
    await inTemporaryDirectory(async directory => {
      const view = join(directory, 'view')
      const names = [99 - 17, 100 - 17, 101 - 17, 200].map(length => 'n'.repeat(length))
      await makeTree(view, {
        ...Object.fromEntries(names.map(name => [`${APP}/${name}`, name])),
        ...Object.fromEntries([98, 99, 100, 101, 500].map(length => [`${APP}/link${length}`, {to: 't'.repeat(length)}])),
        [`${APP}/${'d'.repeat(250)}/${'e'.repeat(250)}/${'f'.repeat(250)}`]: null,
        [`${APP}/ü\n"`]: 'odd',
      })
      await writeFile(Buffer.from(`${view}/${APP}/\xff\x01`, 'latin1'), 'not UTF-8')
      const {bytes} = await layerOf(view)
      await unpack(Buffer.concat([bytes, END]), join(directory, 'slug'))
      await toSlugModes(view)
      expect(await describeTree(join(directory, 'slug', 'app', '.nixs'))).to.deep.equal(await describeTree(view))
    })
  })

  it('holds thousands of symbolic links and empty files', async () => {
    await inTemporaryDirectory(async directory => {
      const view = join(directory, 'view')
      await makeTree(view, Object.fromEntries(Array.from({length: 3000}, (_, index) => [`${APP}/${index}`, index % 2 ? '' : {to: `${index + 1}`}])))
      const {bytes, summary} = await layerOf(view)
      await unpack(Buffer.concat([bytes, END]), join(directory, 'slug'))
      expect(summary.kept).to.include({files: 1500, symlinks: 1500})
      await toSlugModes(view)
      expect(await describeTree(join(directory, 'slug', 'app', '.nixs'))).to.deep.equal(await describeTree(view))
    })
  })

  it('keeps empty folders without a .slugexclude, and drops them with one, even an empty one', async () => {
    await inTemporaryDirectory(async directory => {
      await makeTree(directory, {[`${APP}/a/b/c`]: null, [`${APP}/file`]: ''})
      expect((await layerOf(directory)).summary.kept.directories).to.equal(4)
      expect((await layerOf(directory, {rules: ''})).summary).to.include({emptyDirectories: 3})
    })
  })

  it('holds app/result whatever the rules say, and tells that what it points to is gone', async () => {
    await inTemporaryDirectory(async directory => {
      await makeTree(join(directory, 'view'), CLOSURE)
      const {bytes, summary} = await layerOf(join(directory, 'view'), {rules: '*\n/result\nresult\n'})
      await unpack(Buffer.concat([bytes, END]), join(directory, 'slug'))
      expect(await describeTree(join(directory, 'slug'))).to.deep.equal(['"app"/ 755', '"app/.nixs"/ 755', `"app/result" -> ".nixs/${APP}"`])
      expect(summary.resultKept).to.equal(false)
      expect(summary.dropped.files).to.equal(7)
    })
  })

  it('can be unpacked over and deleted by somebody who is not root', async function () {
    if (process.getuid?.() !== 0) this.skip()
    await inTemporaryDirectory(async directory => {
      await makeTree(join(directory, 'view'), CLOSURE)
      const {bytes} = await layerOf(join(directory, 'view'))
      await writeFile(join(directory, 'slug.tar.gz'), Buffer.concat([bytes, END]))
      await mkdir(join(directory, 'home'))
      await run('chown', ['65534:65534', directory, join(directory, 'home')])
      const script = 'tar -xzf ../slug.tar.gz && tar -xzf ../slug.tar.gz && rm -rf app && ls'
      const {stdout, stderr} = await run('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'sh', '-c', script], {cwd: join(directory, 'home')})
      expect(stdout + stderr).to.equal('')
    })
  })

  it('fails, and takes the sink with it, when a file is not as long as it was', async () => {
    for (const content of ['shorter', 'much longer than that']) {
      const entries: SlugEntry[] = [
        {kind: 'file', path: fromText(`${APP}/file`), executable: false, size: 10, read: () => [Buffer.from(content)]},
      ]
      const sink = new Memory()
      sink.on('error', () => undefined)
      const failure = await writeLayer({entries, rules: null, result: APP, sink}).catch((error: unknown) => error)
      expect(failure).to.include({code: 'FILE_CHANGED'})
      expect(sink.destroyed).to.equal(true)
      expect(sink.writableFinished).to.equal(false)
    }
  })

  it("fails with the sink's own error", async () => {
    const sink = new Writable({write: (_chunk, _encoding, done) => done(new Error('disk full'))})
    sink.on('error', () => undefined)
    const failure = await writeLayer({entries: noise(64), rules: null, result: APP, sink}).catch((error: unknown) => error)
    expect(String(failure)).to.equal('Error: disk full')
  })

  it('reads no further than a few members ahead of a slow sink', async () => {
    let read = 0
    let written = 0
    let furthest = 0
    const entries = noise(64, () => read++)
    const sink = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _encoding, done) {
        setImmediate(() => {
          written += chunk.length
          furthest = Math.max(furthest, read - written / (1 << 20))
          done()
        })
      },
    })
    await writeLayer({entries, rules: null, result: APP, sink, jobs: 3})
    expect(read).to.equal(64)
    expect(furthest).to.be.below(6)
  })

  it('is done when its sink is', async () => {
    let closed = false
    const sink = new Writable({
      write: (_chunk, _encoding, done) => done(),
      final: done => setImmediate(() => {
        closed = true
        done()
      }),
    })
    await writeLayer({entries: noise(1), rules: null, result: APP, sink})
    expect(closed).to.equal(true)
  })

  it('fails for its caller alone: a file that nobody listens to does not end the process', async () => {
    await inTemporaryDirectory(async dir => {
      const stop = new AbortController()
      const sink = createWriteStream(join(dir, 'layer.tar.gz'))
      const closed = new Promise<unknown>(resolve => sink.once('close', () => resolve(null)))
      const entries = noise(64, index => index === 3 && stop.abort(new Error('SIGTERM')))
      const failure = await writeLayer({entries, rules: null, result: APP, sink, signal: stop.signal}).catch((error: unknown) => error)
      await closed
      expect(failure).to.have.property('message', 'SIGTERM')
    })
  })

  it('stops when asked to', async () => {
    const stop = new AbortController()
    const entries = noise(64, index => index === 3 && stop.abort(new Error('SIGTERM')))
    const sink = new Memory()
    sink.on('error', () => undefined)
    const failure = await writeLayer({entries, rules: null, result: APP, sink, signal: stop.signal}).catch((error: unknown) => error)
    expect(String(failure)).to.equal('Error: SIGTERM')
    expect(sink.destroyed).to.equal(true)
  })
})

/** Files of 1 MiB that do not compress. */
function* noise(count: number, onRead: (index: number) => void = () => undefined): Generator<SlugEntry> {
  const content = Buffer.alloc(1 << 20)
  let state = 1
  for (let at = 0; at < content.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    content[at] = state >>> 24
  }

  for (let index = 0; index < count; index++) {
    yield {
      kind: 'file', path: `${APP}/${String(index).padStart(3, '0')}` as ByteString, executable: false, size: content.length,
      read: () => {
        onRead(index)
        return [content]
      },
    }
  }
}
