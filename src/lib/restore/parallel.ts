/** Runs an action on each item, at most `width` at a time. After a failure no further one is begun, and those under way are waited for. */
export async function allOf<Item, Result>(items: readonly Item[], width: number, action: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = []
  const failures: unknown[] = []
  let next = 0
  await Promise.all(Array.from({length: Math.min(width, items.length)}, async () => {
    while (next < items.length && failures.length === 0) {
      const at = next++
      try {
        results[at] = await action(items[at] as Item)
      } catch (error) {
        failures.push(error)
      }
    }
  }))
  if (failures.length > 0) throw failures[0]
  return results
}
