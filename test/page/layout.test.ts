import {expect} from 'chai'
import {cellAt, layOut, neighbour, totalOf, type Cell} from '../../src/page/layout.ts'
import {openRoot, type Entry} from '../../src/page/model.ts'
import type {PackedEntry} from '../../src/lib/treemap/page-data.ts'

const WIDTH = 900
const HEIGHT = 600

function file(name: string, size: number): PackedEntry {
  return [name, size, size, 1, -1]
}

function area({x0, y0, x1, y1}: Cell): number {
  return (x1 - x0) * (y1 - y0)
}

function nameOf({content}: Cell): string {
  return content.kind === 'entry' ? content.entry.name : 'rest'
}

describe('the layout of the treemap', () => {
  it('gives each file of a folder an area by its bytes', () => {
    const root = openRoot(['', [file('a', 600), file('b', 300), file('c', 100), file('empty', 0)]])
    const cells = layOut(root, 'size', WIDTH, HEIGHT).filter(({depth}) => depth === 1)
    const shares = Object.fromEntries(cells.map(cell => [nameOf(cell), Math.round(100 * area(cell) / (WIDTH * HEIGHT))]))
    expect(shares).to.deep.equal({a: 60, b: 30, c: 10})
  })

  it('has as many cells as the picture has room for, however many files there are', () => {
    const folders = Array.from({length: 100}, (_, index): PackedEntry =>
      [`folder-${index}`, Array.from({length: 1000}, (_, number) => file(`file-${number}`, 1 + (number * 7919) % 5000))])
    const root = openRoot(['', folders])
    const cells = layOut(root, 'packed', WIDTH, HEIGHT)
    expect(cells.length).to.be.below(WIDTH * HEIGHT / 16)
    const open = cells.filter(({depth, open}) => depth === 1 && open)
    expect(open, 'folders can be seen into').to.have.length(100)
    const drawn = cells.filter(({open}) => !open).reduce((sum, {content}) => sum + totalOf(content).packed, 0)
    expect(drawn, 'no byte is missing').to.equal(root.total.packed)
  })

  it('finds the innermost cell at a point, and the neighbour in a direction', () => {
    const root = openRoot(['', [['above', [file('in', 501)]], file('below', 499)]])
    const cells = layOut(root, 'size', WIDTH, HEIGHT)
    const inner = cellAt(cells, 100, 150)
    expect(inner && nameOf(inner)).to.equal('in')
    const above = cells.find(cell => nameOf(cell) === 'above')
    const below = above && neighbour(cells, above, 'down')
    expect(below && nameOf(below)).to.equal('below')
    expect(below && neighbour(cells, below, 'down')).to.equal(undefined)
    expect(below && neighbour(cells, below, 'left')).to.equal(undefined)
  })

  it('goes as deep as a path can', () => {
    let tree: PackedEntry = file('deep', 1)
    for (let depth = 0; depth < 2000; depth++) tree = ['d', [tree]]
    const root: Entry = openRoot(['', [tree]])
    expect(root.files).to.equal(1)
    expect(layOut(root, 'size', WIDTH, HEIGHT).length).to.be.greaterThan(10)
  })
})
