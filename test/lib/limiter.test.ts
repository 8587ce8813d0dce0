import {expect} from 'chai'
import {setImmediate as turn} from 'node:timers/promises'
import {limiter} from '../../src/lib/limiter.ts'

/** Tasks that end when they are told to. */
function tasks(max: number, costs: readonly (number | undefined)[]) {
  const limit = limiter(max)
  const begun: number[] = []
  const ends: (() => void)[] = []
  const all = costs.map((cost, n) => limit(() => {
    begun.push(n)
    return new Promise<number>(resolve => {
      ends[n] = () => resolve(n)
    })
  }, cost))
  return {begun, all, end: async (n: number) => {
    ends[n]?.()
    await turn()
  }}
}

describe('a limiter', () => {
  it('runs so many at once, first come, first served', async () => {
    const {begun, end} = tasks(2, [undefined, undefined, undefined, undefined])
    await turn()
    expect(begun).to.deep.equal([0, 1])
    await end(1)
    expect(begun).to.deep.equal([0, 1, 2])
    await end(0)
    expect(begun).to.deep.equal([0, 1, 2, 3])
  })

  it('lets nobody pass one that costs more than is left', async () => {
    const {begun, end} = tasks(4, [3, 2, 1])
    await turn()
    expect(begun).to.deep.equal([0])
    await end(0)
    expect(begun).to.deep.equal([0, 1, 2])
  })

  it('runs what costs more than there is alone', async () => {
    const {begun, end} = tasks(4, [1, 100, 1])
    await turn()
    expect(begun).to.deep.equal([0])
    await end(0)
    expect(begun).to.deep.equal([0, 1])
    await end(1)
    expect(begun).to.deep.equal([0, 1, 2])
  })

  it('gives back what a task had that failed', async () => {
    const limit = limiter(1)
    const failed = await limit(() => Promise.reject(new Error('no'))).catch((error: unknown) => String(error))
    expect([failed, await limit(() => Promise.resolve('yes'))]).to.deep.equal(['Error: no', 'yes'])
  })
})
