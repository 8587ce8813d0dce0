const INTERVAL_MS = 2000

/**
 * What takes long says so: Nix ends builds whose log is silent for longer than `max-silent-time`. What is returned is called
 * often, and writes a line when some seconds have passed since the last one.
 */
export function sayNowAndThen(what: string, log: (line: string) => void, now: () => number = () => performance.now()): () => void {
  const begun = now()
  let said = begun
  return () => {
    if (now() - said < INTERVAL_MS) return
    said = now()
    log(`${what} for ${Math.round((said - begun) / 1000).toString()} s now`)
  }
}
