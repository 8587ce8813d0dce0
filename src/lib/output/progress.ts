import {formatBytes} from './units.ts'

/** signs of a bar */
const WIDTH = 20

/**
 * A bar, as text beside what is under way: `[#####---------------] 25 %`. The terminal stays with oclif's spinner, which every command
 * of the CLI has; packages that draw bars of their own would draw over it.
 * @param detail stands behind it
 */
export function progressBar(done: number, total: number, detail = ''): string {
  const share = total <= 0 ? 1 : Math.min(1, Math.max(0, done / total))
  const full = Math.floor(share * WIDTH)
  return `[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}] ${Math.floor(share * 100)} %${detail === '' ? '' : `, ${detail}`}`
}

/** Shows how far a transfer is, as often as that changes. @param total bytes */
export function transferBar(total: number, show: (text: string) => void): (bytes: number) => void {
  return whenChanged(show, bytes => progressBar(bytes, total, `${formatBytes(Math.min(bytes, total))} of ${formatBytes(total)}`), total)
}

/** The same of things that are counted, such as objects. */
export function countBar(total: number, what: string, show: (text: string) => void): (count: number) => void {
  return whenChanged(show, count => progressBar(count, total, `${count} of ${total} ${what}`), total)
}

function whenChanged(show: (text: string) => void, textOf: (done: number) => string, total: number): (done: number) => void {
  // A thousand steps are more than anybody sees.
  let shown = -1
  return done => {
    const step = Math.floor((done / Math.max(total, 1)) * 1000)
    if (step === shown) return
    shown = step
    show(textOf(done))
  }
}
