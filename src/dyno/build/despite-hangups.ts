/**
 * Does work again that failed while the terminal was lost. Nix takes SIGHUP for an order to end, even where it was told to
 * ignore it (nix: src/libutil/unix/signals.cc, signalHandlerThread), and Heroku sends it to every process of a dyno.
 */
export async function despiteHangups<Result>(hangups: {readonly count: number}, work: () => Promise<Result>): Promise<Result> {
  for (;;) {
    const before = hangups.count
    try {
      return await work()
    } catch (error) {
      if (hangups.count === before) throw error
    }
  }
}
