import {accessSync, constants} from 'node:fs'
import {join} from 'node:path'
import {chromium, type Browser} from 'playwright-core'

/** As Debian, Google and others name it. */
const PROGRAMS = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']

/** @returns null where the machine has no browser of this kind: Ubuntu has it as a snap alone */
export async function openBrowser(): Promise<Browser | null> {
  const folders = (process.env['PATH'] ?? '').split(':')
  const executablePath = PROGRAMS.flatMap(name => folders.map(folder => join(folder, name))).find(isProgram)
  if (executablePath === undefined) return null
  // Its own jail needs what root and many containers lack; it shows nothing but our page.
  return await chromium.launch({executablePath, args: ['--no-sandbox'], timeout: 60_000})
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Not in this folder of PATH; the next one may have it.
    return false
  }
}
