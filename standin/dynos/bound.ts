import {connect} from 'node:net'
import {setTimeout as delay} from 'node:timers/promises'

import type {Address} from './addresses.ts'

/**
 * Resolves once somebody accepts connections at the address; rejects with the signal's AbortError.
 * A program that listens on 127.0.0.1 alone is not reached, since a dyno's address is another one of 127.0.0.0/8.
 */
export async function bound(address: Address, signal: AbortSignal): Promise<void> {
  for (let wait = 10; !await accepts(address, signal); wait = Math.min(wait * 1.5, 250)) {
    await delay(wait, undefined, {signal})
  }
}

function accepts({host, port}: Address, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const socket = connect({host, port})
    const abort = (): void => {
      socket.destroy()
      reject(signal.reason as Error)
    }
    const settle = (answer: boolean): void => {
      signal.removeEventListener('abort', abort)
      socket.destroy()
      resolve(answer)
    }

    signal.addEventListener('abort', abort, {once: true})
    socket.once('connect', () => settle(true)).once('error', () => settle(false))
  })
}
