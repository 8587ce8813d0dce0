import fs from 'node:fs'

const LOOK_MS = 20

/** Looks again and again how much of a file system is in use: bytes more than at the start, at most. */
export function peakDisk(folder: string): {end: () => number} {
  const used = () => {
    const {blocks, bfree, bsize} = fs.statfsSync(folder)
    return (blocks - bfree) * bsize
  }

  const start = used()
  let most = 0
  const look = () => void (most = Math.max(most, used() - start))
  const timer = setInterval(look, LOOK_MS)
  return {
    end() {
      clearInterval(timer)
      look()
      return most
    },
  }
}
