/** Runs an action on each item, at most `width` at a time. After a failure no further one is begun, and those under way are waited for. */
export async function allOf<Item, Result>(items: readonly Item[], width: number, action: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  await eachOf(() => Promise.resolve(next < items.length ? {at: next++} : null), Math.min(width, items.length), async ({at}) => {
    results[at] = await action(items[at] as Item)
  })
  return results
}

/** The same with items that are still to come. @param next the next of them; null: there are no more */
export async function eachOf<Item>(next: () => Promise<Item | null>, width: number, action: (item: Item) => Promise<void>): Promise<void> {
  const failures: unknown[] = []
  await Promise.all(Array.from({length: width}, async () => {
    try {
      for (let item = await next(); item !== null && failures.length === 0; item = await next()) await action(item)
    } catch (error) {
      failures.push(error)
    }
  }))
  if (failures.length > 0) throw failures[0]
}
