import type {Page} from 'playwright-core'

/** What share of the picture has the tone of what is kept, and of what is dropped. */
export async function tones(page: Page): Promise<{kept: number; dropped: number}> {
  // Text: the function runs in the page, whose types this program does not have.
  return await page.evaluate(`(() => {
    const canvas = document.getElementById('map')
    const style = getComputedStyle(document.documentElement)
    const bytesOf = tone => {
      const context = Object.assign(document.createElement('canvas'), {width: 1, height: 1}).getContext('2d')
      context.fillStyle = style.getPropertyValue('--' + tone)
      context.fillRect(0, 0, 1, 1)
      return [...context.getImageData(0, 0, 1, 1).data].join()
    }
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    const counts = new Map()
    for (let at = 0; at < data.length; at += 4) {
      const key = data.subarray(at, at + 4).join()
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    const share = tone => (counts.get(bytesOf(tone)) ?? 0) / (data.length / 4)
    return {kept: share('kept'), dropped: share('dropped')}
  })()`)
}
