import {formatBytes} from '../lib/output/units.ts'
import type {PageData} from '../lib/treemap/page-data.ts'
import {draw, readLook} from './draw.ts'
import {cellAt, cellOf, layOut, neighbour, type Cell, type Direction} from './layout.ts'
import {showCrumbs, showRows} from './list.ts'
import {bySize, follow, openRoot, pathOf, type Entry, type Measure} from './model.ts'
import {createSearch, type Found} from './search.ts'
import {describe, files} from './words.ts'

const data = JSON.parse(byId('data').textContent) as PageData
const root = openRoot(data.tree)
const search = createSearch(root)
const canvas = byId('map') as HTMLCanvasElement
const cursor = byId('cursor')
const searchField = byId('search') as HTMLInputElement

let focus = follow(root, placeInAddress())
let measure: Measure = 'packed'
let found: Found | null = null
let cells: Cell[] = []
let pointed: Cell | null = null
/** to be pointed at when its directory is shown */
let wanted: Entry | null = null

const ARROWS: Readonly<Record<string, Direction>> = {ArrowDown: 'down', ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up'}

function show(): void {
  showCrumbs(byId('crumbs'), focus, goTo)
  const inFocus = found?.files.filter(file => isWithin(file, focus))
  byId('list-title').textContent = inFocus ? 'Found here, largest first' : 'Largest here'
  showRows(byId('list'), inFocus ?? bySize(focus, measure), {measure, base: inFocus ? focus : null, onChoose: goTo})
  byId('found').textContent = found === null ? '' : `${files(found.files.length)}, ${formatBytes(found.total.size)} on disk, ${formatBytes(found.total.packed)} in the slug`
  redraw()
  point((wanted && cellOf(cells, wanted)) ?? null)
  wanted = null
}

function redraw(): void {
  cells = layOut(focus, measure, canvas.clientWidth, canvas.clientHeight)
  draw(canvas, cells, {measure, look: readLook(document.documentElement), found: found?.entries ?? null})
}

/** Shows what a cell is; null: what the whole picture is. */
function point(cell: Cell | null): void {
  pointed = cell
  const {path, facts} = describe(cell?.content ?? {kind: 'entry', entry: focus}, data)
  byId('path').textContent = path
  byId('facts').textContent = facts
  cursor.hidden = cell === null || cell.depth === 0
  if (cell === null) return
  cursor.style.left = `${cell.x0}px`
  cursor.style.top = `${cell.y0}px`
  cursor.style.width = `${cell.x1 - cell.x0}px`
  cursor.style.height = `${cell.y1 - cell.y0}px`
}

/** Zooms to a directory, or to the one that a file is in; the browser's own way back leads back. */
function goTo(entry: Entry): void {
  const directory = entry.children ? entry : entry.parent ?? root
  wanted = entry.children ? null : entry
  arrive(directory)
  location.hash = encodeURIComponent(pathOf(directory))
}

function arrive(directory: Entry): void {
  const fromList = byId('list').contains(document.activeElement)
  focus = directory
  show()
  // The row that was chosen is gone; whoever came by keyboard goes on in the list.
  if (fromList) byId('list').querySelector('button')?.focus()
}

/** Zooms to the directory that a cell is, or that it lies in. */
function enter({content}: Cell): void {
  const directory = content.kind === 'rest' ? content.parent : content.entry.children ? content.entry : content.entry.parent ?? root
  if (directory !== focus) goTo(directory)
}

function isWithin(entry: Entry, directory: Entry): boolean {
  for (let at: Entry | null = entry; at; at = at.parent) if (at === directory) return true
  return false
}

function placeInAddress(): string {
  try {
    return decodeURIComponent(location.hash.slice(1))
  } catch {
    // An address typed by hand; the whole is shown.
    return ''
  }
}

function byId(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (!element) throw new Error(`the page has no #${id}`)
  return element
}

/** @returns whether the key meant something */
function press(key: string): boolean {
  const direction = ARROWS[key]
  if (direction) {
    const first = cells.find(({depth}) => depth === 1)
    const next = pointed?.depth === 1 ? neighbour(cells, pointed, direction) : first
    if (next) point(next)
    return true
  }

  if (key === 'Enter' && pointed) enter(pointed)
  else if (key === 'Backspace' || key === 'Escape') goTo(focus.parent ?? root)
  else return false
  return true
}

canvas.addEventListener('keydown', event => {
  if (!event.ctrlKey && !event.metaKey && !event.altKey && press(event.key)) event.preventDefault()
})
canvas.addEventListener('mousemove', ({offsetX, offsetY}) => {
  const cell = cellAt(cells, offsetX, offsetY) ?? null
  if (cell !== pointed) point(cell)
})
canvas.addEventListener('mouseleave', () => point(null))
canvas.addEventListener('click', ({offsetX, offsetY}) => {
  const cell = cellAt(cells, offsetX, offsetY)
  if (cell) enter(cell)
})
document.addEventListener('keydown', event => {
  if (event.key !== '/' || event.target === searchField) return
  event.preventDefault()
  searchField.focus()
})
searchField.addEventListener('input', () => {
  found = search(searchField.value)
  show()
})
for (const input of document.querySelectorAll<HTMLInputElement>('input[name=measure]')) {
  input.addEventListener('change', () => {
    measure = input.value as Measure
    show()
  })
}

window.addEventListener('hashchange', () => {
  const place = placeInAddress()
  if (place !== pathOf(focus)) arrive(follow(root, place))
})
new ResizeObserver(() => {
  redraw()
  point(null)
}).observe(canvas)
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw)
show()
