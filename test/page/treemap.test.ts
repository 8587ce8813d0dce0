import {expect} from 'chai'
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {pathToFileURL} from 'node:url'
import type {Browser, BrowserContext, Page} from 'playwright-core'
import {bundlePage} from '../../scripts/bundle-page.ts'
import {fromText} from '../../src/lib/slug/byte-string.ts'
import {renderTreemap, type PageAssets} from '../../src/lib/treemap/page.ts'
import type {TreemapFile} from '../../src/lib/treemap/tree.ts'
import {openBrowser} from './support/browser.ts'
import {tones} from './support/canvas.ts'

const GLIBC = 'store/abcdfghijklmnpqrsvwxyz0123456789-glibc-2.40'
const HELLO = 'store/0123456789abcdfghijklmnpqrsvwxyz-hello'
const RULES = [{line: 3, text: '- *.a'}, {line: 5, text: '- /store/*-glibc-*/share/***'}]

function file(path: string, size: number, rule = -1, packed = size / 2): TreemapFile {
  return {path: fromText(path), size, packed, kept: rule === -1, rule}
}

const MB = 2 ** 20
const FILES = [
  file(`${GLIBC}/lib/libc.so.6`, 2 * MB), file(`${GLIBC}/lib/libc.a`, 3 * MB, 0, MB / 2),
  file(`${GLIBC}/share/locale/de`, MB, 1), file(`${GLIBC}/share/locale/fr`, MB, 1), file(`${HELLO}/bin/hello`, MB),
]

describe('the page with the treemap', function () {
  this.timeout(120_000)

  let dir: string
  let browser: Browser | null
  let assets: PageAssets
  let context: BrowserContext | undefined
  let page: Page
  /** what the page asked for, and what went wrong in it */
  let asked: string[]
  let wrong: string[]

  before(async function () {
    browser = await openBrowser()
    if (!browser) {
      console.error('\n  No Chromium is on PATH: the page is not tried. Debian has it: apt-get install chromium-headless-shell\n')
      this.skip()
    }

    dir = await mkdtemp(join(tmpdir(), 'treemap-'))
    assets = await bundlePage()
  })

  after(async () => {
    try {
      await browser?.close()
    } finally {
      if (dir) await rm(dir, {recursive: true, force: true})
    }
  })

  afterEach(() => context?.close())

  async function open(files: Iterable<TreemapFile>, {colorScheme = 'light', hash = ''}: {colorScheme?: 'dark' | 'light'; hash?: string} = {}): Promise<void> {
    const path = join(dir, 'page.html')
    await writeFile(path, renderTreemap({title: 'example-app', summary: 'kept: some', rulesFile: '.slugexclude', rules: RULES, files}, assets))
    if (!browser) throw new Error('there is no browser')
    context = await browser.newContext({viewport: {width: 1200, height: 800}, colorScheme, offline: true})
    page = await context.newPage()
    asked = []
    wrong = []
    page.on('request', request => asked.push(request.url()))
    page.on('pageerror', error => wrong.push(String(error)))
    page.on('console', message => wrong.push(message.text()))
    await page.goto(pathToFileURL(path).href + hash)
  }

  const rows = () => page.locator('#list bdi').allTextContents()
  const crumbs = () => page.locator('#crumbs button').allTextContents()
  const details = async () => [await page.locator('#path').textContent(), await page.locator('#facts').textContent()]

  it('draws what is kept and what is dropped in two tones, by their bytes', async () => {
    await open(FILES)
    expect(wrong).to.deep.equal([])
    expect(asked, 'nothing but itself').to.have.length(1)
    expect(await rows()).to.deep.equal(['glibc-2.40/', 'hello/'])
    const {kept, dropped} = await tones(page)
    expect(kept / (kept + dropped), '1.5 of 3 MB in the slug').to.be.closeTo(0.5, 0.05)
    expect(kept + dropped, 'most of the picture is files').to.be.greaterThan(0.7)
    await page.getByLabel('on disk').check()
    const onDisk = await tones(page)
    expect(onDisk.kept / (onDisk.kept + onDisk.dropped), '3 of 8 MB on disk').to.be.closeTo(3 / 8, 0.05)
  })

  it('zooms by a click and back by the crumbs and the browser', async () => {
    await open(FILES)
    await page.getByRole('button', {name: 'glibc-2.40/'}).click()
    await page.getByRole('button', {name: 'share/'}).click()
    await page.waitForURL(/share$/)
    expect(await crumbs()).to.deep.equal(['store', 'glibc-2.40', 'share'])
    const {kept, dropped} = await tones(page)
    expect({kept, isFull: dropped > 0.9}).to.deep.equal({kept: 0, isFull: true})
    await page.getByRole('button', {name: 'glibc-2.40', exact: true}).click()
    await page.waitForURL(/2\.40$/)
    await page.goBack()
    expect(await crumbs()).to.deep.equal(['store', 'glibc-2.40', 'share'])
  })

  it('zooms to what is clicked in the picture, and says what the pointer is at', async () => {
    await open(FILES)
    await page.getByLabel('on disk').check()
    const picture = await page.locator('#map').boundingBox()
    await page.mouse.move((picture?.x ?? 0) + 100, (picture?.y ?? 0) + 200)
    expect(await details()).to.deep.equal([`${GLIBC}/lib/libc.a`, '3.0 MB on disk, about 512 kB in the slug — dropped by line 3 of .slugexclude: - *.a'])
    await page.mouse.click((picture?.x ?? 0) + 100, (picture?.y ?? 0) + 200)
    expect(await crumbs()).to.deep.equal(['store', 'glibc-2.40', 'lib'])
  })

  it('can be used by the keyboard alone', async () => {
    await open(FILES)
    await page.locator('#map').focus()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    expect(await details()).to.deep.equal([`${HELLO}/`, '1 file, 1.0 MB on disk, about 512 kB in the slug, all kept'])
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('Enter')
    await page.waitForURL(/2\.40$/)
    await page.keyboard.press('Backspace')
    await page.waitForURL(/#store$/)
    await page.keyboard.press('/')
    await page.keyboard.type('LOCALE')
    expect(await rows()).to.deep.equal(['glibc-2.40/share/locale/de', 'glibc-2.40/share/locale/fr'])
  })

  it('finds files by any part of their path, dims the others, and shows where one is', async () => {
    await open(FILES)
    await page.getByRole('searchbox').fill('libc.so')
    expect(await page.locator('#found').textContent()).to.equal('1 file, 2.0 MB on disk, 1.0 MB in the slug')
    const {kept, dropped} = await tones(page)
    expect({isThere: kept > 0.2, dropped}).to.deep.equal({isThere: true, dropped: 0})
    await page.getByRole('button', {name: 'libc.so.6'}).click()
    await page.waitForURL(/lib$/)
    expect(await details()).to.deep.equal([`${GLIBC}/lib/libc.so.6`, '2.0 MB on disk, about 1.0 MB in the slug — kept: no rule matches it'])
    expect(await page.locator('#cursor').isVisible()).to.equal(true)
  })

  it('shows names as they are, whatever they try', async () => {
    const names = [
      '</script><script>window.harmed = 1</script>', '"><img src=x onerror="window.harmed=1">', '<!--<script>', '__proto__', 'constructor',
      String.raw`\u003c/script>`, "'-alert(1)-'", 'javascript:alert(1)', '&lt;b&gt;', '\u202Egnp.exe', 'ü and 🙂', '%2F..%2F', 'a#b?c',
    ]
    await open(names.map((name, index) => file(`store/${name}${name.includes('/') ? '' : '/in'}`, 1000 + index)))
    const shown = await rows()
    expect(shown.sort()).to.deep.equal(names.map(name => `${name.split('/')[0] ?? ''}/`).sort())
    for (const name of ['"><img', 'a#b?c', '%2F..', '__proto__']) {
      await page.locator('#list button', {hasText: name}).click()
      await page.waitForFunction('document.querySelectorAll("#crumbs button").length === 2')
      expect(await crumbs()).to.deep.equal(['store', names.find(each => each.startsWith(name))])
      await page.goBack()
      await page.waitForFunction('document.querySelectorAll("#crumbs button").length === 1')
    }

    expect(await page.evaluate('window.harmed')).to.equal(undefined)
    expect({wrong, asked: asked.length}).to.deep.equal({wrong: [], asked: 1})
  })

  it('opens where its address says, in the dark as well', async () => {
    await open(FILES, {colorScheme: 'dark', hash: `#${encodeURIComponent(`${GLIBC}/share`)}`})
    expect(await crumbs()).to.deep.equal(['store', 'glibc-2.40', 'share'])
    const {dropped} = await tones(page)
    expect(dropped).to.be.greaterThan(0.9)
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).to.equal('rgb(20, 23, 28)')
  })

  it('holds a hundred thousand files', async () => {
    await open(many(100_000))
    expect((await rows()).length).to.be.greaterThan(5)
    await page.getByRole('searchbox').fill('file-99999')
    expect(await rows()).to.have.length(1)
    expect(wrong).to.deep.equal([])
  })
})

function* many(count: number): Generator<TreemapFile> {
  for (let index = 0; index < count; index++) yield file(`store/path-${index % 50}/lib/${index % 7}/file-${index}`, index % 9000, index % 3 === 0 ? 0 : -1)
}
