/** How much of what was built may be unsaved before Nix has to wait: what a killed dyno may cost. */
export const MAX_BACKLOG = {paths: 8, bytes: 256 * 1024 * 1024}

/** What was built and is not saved yet. */
export interface Backlog {
  /** Resolves when the path has left it. @param saved resolves, whatever came of it */
  add(bytes: number, saved: Promise<unknown>): Promise<void>
  /** Resolves when little enough is left. */
  room(): Promise<void>
  readonly paths: number
}

export function backlog({paths: maxPaths, bytes: maxBytes} = MAX_BACKLOG): Backlog {
  let paths = 0
  let bytes = 0
  let waiting: (() => void)[] = []
  const hasRoom = () => paths <= maxPaths && bytes <= maxBytes

  return {
    async add(size, saved) {
      paths += 1
      bytes += size
      await saved
      paths -= 1
      bytes -= size
      if (!hasRoom()) return
      waiting.forEach(go => go())
      waiting = []
    },
    async room() {
      if (!hasRoom()) await new Promise<void>(resolve => waiting.push(resolve))
    },
    get paths() {
      return paths
    },
  }
}
