import fs from 'node:fs'

const CLOSE_ON_EXEC = 0o2000000

/**
 * Closes the descriptors above standard error that this process was started with, so that no builder gets them. Node's own
 * are told apart by being closed on exec; Node sees to the first few inherited ones alone.
 */
export function closeInherited(): void {
  for (const name of fs.readdirSync('/proc/self/fd')) {
    const descriptor = Number(name)
    if (descriptor > 2 && isInherited(descriptor)) fs.closeSync(descriptor)
  }
}

function isInherited(descriptor: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${descriptor.toString()}`, 'utf8'))?.[1]
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0
  } catch {
    // It was the one with which the folder was read.
    return false
  }
}
