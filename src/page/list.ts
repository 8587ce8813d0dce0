import {formatBytes} from '../lib/output/units.ts'
import {ancestry, pathOf, type Entry, type Measure} from './model.ts'
import {shortName} from './words.ts'

/** More rows than anybody reads would only make the page slow. */
const ROWS = 200

/**
 * Shows entries as rows, the largest first: what the treemap shows to those who see it.
 * @param base directory that paths are relative to; null: names alone
 */
export function showRows(list: HTMLElement, entries: readonly Entry[], {measure, base, onChoose}: {measure: Measure; base: Entry | null; onChoose: (entry: Entry) => void}): void {
  const largest = Math.max(1, ...entries.slice(0, ROWS).map(({total}) => total[measure]))
  list.replaceChildren(...entries.slice(0, ROWS).map(entry => row(entry, {measure, base, largest, onChoose})))
  if (entries.length > ROWS) list.append(element('li', `and ${(entries.length - ROWS).toLocaleString('en')} smaller`))
}

function row(entry: Entry, {measure, base, largest, onChoose}: {measure: Measure; base: Entry | null; largest: number; onChoose: (entry: Entry) => void}): HTMLElement {
  const button = element('button')
  button.type = 'button'
  const name = element('bdi', `${base === null ? shortName(entry.name) : pathBelow(entry, base)}${entry.children ? '/' : ''}`)
  const dropped = entry.dropped[measure]
  const state = element('span', entry.droppedFiles === 0 ? 'kept' : entry.droppedFiles === entry.files ? 'dropped' : `${formatBytes(dropped)} dropped`)
  state.className = entry.droppedFiles === 0 ? 'state kept' : 'state'
  const bar = element('span')
  bar.className = 'bar'
  const total = entry.total[measure]
  for (const [tone, amount] of [['kept', total - dropped], ['dropped', dropped]] as const) {
    const part = element('i')
    part.className = tone
    part.style.width = `${100 * amount / largest}%`
    bar.append(part)
  }

  button.append(name, element('span', formatBytes(total)), bar, state)
  button.title = pathOf(entry)
  button.addEventListener('click', () => onChoose(entry))
  const item = element('li')
  item.append(button)
  return item
}

/** @param base of the entry's own line */
function pathBelow(entry: Entry, base: Entry): string {
  return ancestry(entry).slice(ancestry(base).length).map(({name}) => shortName(name)).join('/')
}

/** A button for each directory on the way from the root; the last is where one is. */
export function showCrumbs(list: HTMLElement, focus: Entry, onChoose: (entry: Entry) => void): void {
  list.replaceChildren(...ancestry(focus).map(entry => {
    const button = element('button', entry.name === '' ? 'everything' : shortName(entry.name))
    button.type = 'button'
    button.title = pathOf(entry)
    if (entry === focus) button.setAttribute('aria-current', 'page')
    button.addEventListener('click', () => onChoose(entry))
    const item = element('li')
    item.append(button)
    return item
  }))
}

/** Text becomes a text node: no name can be markup. */
function element<K extends keyof HTMLElementTagNameMap>(tag: K, text = ''): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  made.textContent = text
  return made
}
