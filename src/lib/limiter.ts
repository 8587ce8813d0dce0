/**
 * Runs tasks at once as long as what they cost together is at most `max`, first come, first served. Without a cost each costs one;
 * what costs more than all there is runs alone.
 */
export function limiter(max: number): <Result>(task: () => Promise<Result>, cost?: number) => Promise<Result> {
  const waiting: {cost: number; go: () => void}[] = []
  let left = max

  function next(): void {
    for (let [first] = waiting; first && first.cost <= left; [first] = waiting) {
      waiting.shift()
      left -= first.cost
      first.go()
    }
  }

  return async (task, cost = 1) => {
    const own = Math.min(cost, max)
    await new Promise<void>(go => {
      waiting.push({cost: own, go})
      next()
    })
    try {
      return await task()
    } finally {
      left += own
      next()
    }
  }
}
