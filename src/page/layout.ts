import {treemapSquarify, type HierarchyRectangularNode} from 'd3-hierarchy'
import {bySize, type Amounts, type Entry, type Measure} from './model.ts'

/** A rectangle on the canvas, in CSS pixels. */
export interface Cell {
  x0: number
  y0: number
  x1: number
  y1: number
  /** 0 is the directory that fills the canvas */
  depth: number
  /** a directory whose children have cells of their own within it */
  open: boolean
  /** has its name above its children */
  titled: boolean
  content: Content
}

/** One entry, or those of a directory that are too small to be drawn one by one. */
export type Content = {kind: 'entry'; entry: Entry} | {kind: 'rest'; entries: Entry[]; parent: Entry; total: Amounts; dropped: Amounts}

export const TITLE_HEIGHT = 18
/** pixels around what a directory holds */
const MARGIN = 2
/** What is smaller cannot be told apart, and there may be a hundred thousand of it. */
const SMALLEST_AREA = 16
const SMALLEST_SIDE = 10

/** Cells of a directory and all that can be seen below it; each after the one it lies in. Their number follows the canvas's size, not the tree's. */
export function layOut(focus: Entry, measure: Measure, width: number, height: number): Cell[] {
  const cells: Cell[] = []
  place({x0: 0, y0: 0, x1: width, y1: height, depth: 0, open: false, titled: false, content: {kind: 'entry', entry: focus}}, measure, cells)
  return cells
}

function place(cell: Cell, measure: Measure, cells: Cell[]): void {
  cells.push(cell)
  if (cell.content.kind === 'rest' || !cell.content.entry.children) return
  const {entry} = cell.content
  const isFocus = cell.depth === 0
  const margin = isFocus ? 0 : MARGIN
  cell.titled = !isFocus && cell.x1 - cell.x0 >= 48 && cell.y1 - cell.y0 >= 2 * TITLE_HEIGHT
  const inner = {
    x0: cell.x0 + margin, x1: cell.x1 - margin, y0: cell.y0 + (cell.titled ? TITLE_HEIGHT : margin), y1: cell.y1 - margin,
  }
  const width = inner.x1 - inner.x0
  const height = inner.y1 - inner.y0
  if (!isFocus && (width < SMALLEST_SIDE || height < SMALLEST_SIDE)) return
  const contents = choose(entry, measure, width * height)
  if (contents.length === 0) return
  cell.open = true
  for (const {content, x0, y0, x1, y1} of squarify(contents, measure, inner)) {
    place({x0, y0, x1, y1, depth: cell.depth + 1, open: false, titled: false, content}, measure, cells)
  }
}

/** Children that can be drawn, and the rest of them as one. */
function choose(entry: Entry, measure: Measure, area: number): Content[] {
  const smallest = SMALLEST_AREA * entry.total[measure] / area
  const children = bySize(entry, measure)
  let count = children.findIndex(child => child.total[measure] < smallest || child.total[measure] === 0)
  if (count === -1) count = children.length
  const contents: Content[] = children.slice(0, count).map(child => ({kind: 'entry', entry: child}))
  const entries = children.slice(count)
  const total = sum(entries, 'total')
  if (total[measure] > 0) contents.push({kind: 'rest', entries, parent: entry, total, dropped: sum(entries, 'dropped')})
  return contents
}

function sum(entries: readonly Entry[], which: 'dropped' | 'total'): Amounts {
  const amounts = {packed: 0, size: 0}
  for (const entry of entries) {
    amounts.packed += entry[which].packed
    amounts.size += entry[which].size
  }

  return amounts
}

interface Placed {
  content: Content
  value: number
  x0: number
  y0: number
  x1: number
  y1: number
}

/** d3 lays out whole hierarchies; its tiling of one level is all that is needed when most levels are never seen. */
function squarify(contents: readonly Content[], measure: Measure, {x0, y0, x1, y1}: {x0: number; y0: number; x1: number; y1: number}): Placed[] {
  const children: Placed[] = contents.map(content => ({content, value: totalOf(content)[measure], x0: 0, y0: 0, x1: 0, y1: 0}))
  const parent = {value: children.reduce((total, {value}) => total + value, 0), children}
  treemapSquarify(parent as unknown as HierarchyRectangularNode<unknown>, x0, y0, x1, y1)
  return children
}

export function totalOf(content: Content): Amounts {
  return content.kind === 'entry' ? content.entry.total : content.total
}

export function droppedOf(content: Content): Amounts {
  return content.kind === 'entry' ? content.entry.dropped : content.dropped
}

/** The innermost cell at a point. */
export function cellAt(cells: readonly Cell[], x: number, y: number): Cell | undefined {
  return cells.findLast(({x0, y0, x1, y1}) => x >= x0 && x < x1 && y >= y0 && y < y1)
}

/** The cell that an entry has, alone or among the rest of its directory. */
export function cellOf(cells: readonly Cell[], entry: Entry): Cell | undefined {
  return cells.find(({content}) => content.kind === 'entry' ? content.entry === entry : content.entries.includes(entry))
}

export type Direction = 'down' | 'left' | 'right' | 'up'

/** The nearest cell of the first level in a direction. */
export function neighbour(cells: readonly Cell[], from: Cell, direction: Direction): Cell | undefined {
  const [x, y] = centre(from)
  let best: Cell | undefined
  let least = Infinity
  for (const cell of cells) {
    if (cell.depth !== 1 || cell === from) continue
    const [otherX, otherY] = centre(cell)
    const [along, across] = direction === 'left' || direction === 'right' ? [otherX - x, otherY - y] : [otherY - y, otherX - x]
    const ahead = direction === 'left' || direction === 'up' ? -along : along
    const distance = ahead + 2 * Math.abs(across)
    if (ahead > 0.5 && distance < least) {
      least = distance
      best = cell
    }
  }

  return best
}

function centre({x0, y0, x1, y1}: Cell): [number, number] {
  return [(x0 + x1) / 2, (y0 + y1) / 2]
}
