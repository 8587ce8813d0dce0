import {formatBytes} from '../lib/output/units.ts'
import {TITLE_HEIGHT, droppedOf, totalOf, type Cell} from './layout.ts'
import type {Entry, Measure} from './model.ts'
import {shortName} from './words.ts'

export interface Look {
  kept: string
  dropped: string
  folder: string
  line: string
  text: string
  onCell: string
}

/** The colours are the stylesheet's, so that it alone knows light from dark. */
export function readLook(element: Element): Look {
  const style = getComputedStyle(element)
  const value = (name: string) => style.getPropertyValue(`--${name}`).trim()
  return {kept: value('kept'), dropped: value('dropped'), folder: value('folder'), line: value('line'), text: value('text'), onCell: value('on-cell')}
}

/**
 * Draws cells from the outermost in.
 * @param found what a search found, with all that holds some of it; null: nobody searches
 */
export function draw(canvas: HTMLCanvasElement, cells: readonly Cell[], {measure, look, found}: {measure: Measure; look: Look; found: ReadonlySet<Entry> | null}): void {
  const scale = window.devicePixelRatio || 1
  const {clientWidth: width, clientHeight: height} = canvas
  canvas.width = Math.round(width * scale)
  canvas.height = Math.round(height * scale)
  const context = canvas.getContext('2d')
  if (!context) throw new Error('this browser has no canvas')
  context.scale(scale, scale)
  context.font = '12px system-ui, sans-serif'
  context.textBaseline = 'middle'
  context.clearRect(0, 0, width, height)
  for (const cell of cells) {
    context.globalAlpha = isFound(cell, found) ? 1 : 0.2
    if (cell.open) drawFolder(context, cell, look)
    else drawBlock(context, cell, look, measure)
  }
}

function isFound({content}: Cell, found: ReadonlySet<Entry> | null): boolean {
  if (found === null) return true
  return content.kind === 'entry' ? found.has(content.entry) : content.entries.some(entry => found.has(entry))
}

type Context = CanvasRenderingContext2D

function drawFolder(context: Context, cell: Cell, look: Look): void {
  if (cell.depth === 0) return
  const {x0, y0, x1, y1} = cell
  context.fillStyle = look.line
  context.fillRect(x0, y0, x1 - x0, y1 - y0)
  context.fillStyle = look.folder
  context.fillRect(x0 + 0.5, y0 + 0.5, x1 - x0 - 1, y1 - y0 - 1)
  if (cell.titled && cell.content.kind === 'entry') write(context, `${shortName(cell.content.entry.name)}/`, look.text, x0 + 5, y0 + TITLE_HEIGHT / 2, x1 - x0 - 10)
}

/** Kept and dropped parts of a directory that is too small to be open share its area as they share its bytes. */
function drawBlock(context: Context, {x0, y0, x1, y1, content}: Cell, look: Look, measure: Measure): void {
  const gap = x1 - x0 > 4 && y1 - y0 > 4 ? 0.5 : 0
  const width = x1 - x0 - 2 * gap
  const height = y1 - y0 - 2 * gap
  const total = totalOf(content)[measure]
  const kept = total === 0 ? 1 : 1 - droppedOf(content)[measure] / total
  context.fillStyle = look.kept
  context.fillRect(x0 + gap, y0 + gap, width * kept, height)
  context.fillStyle = look.dropped
  context.fillRect(x0 + gap + width * kept, y0 + gap, width * (1 - kept), height)
  if (width < 40 || height < 15) return
  const name = content.kind === 'rest' ? `${content.entries.length.toLocaleString('en')} smaller` : shortName(content.entry.name)
  write(context, name, look.onCell, x0 + 5, y0 + 10, width - 8)
  if (height >= 32) write(context, formatBytes(total), look.onCell, x0 + 5, y0 + 25, width - 8)
}

function write(context: Context, text: string, colour: string, x: number, y: number, width: number): void {
  context.fillStyle = colour
  context.fillText(fit(context, text, width), x, y)
}

/** The text, or as much of its start as there is room for. */
function fit(context: Context, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text
  let low = 0
  let high = text.length
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle
    else high = middle - 1
  }

  return low === 0 ? '' : `${text.slice(0, low)}…`
}
