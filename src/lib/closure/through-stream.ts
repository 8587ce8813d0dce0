import {Readable, type Duplex} from 'node:stream'
import {pipeline} from 'node:stream/promises'

/**
 * What a stream makes of bytes.
 * @param input each piece is used until the next is asked for
 * @throws what reading `input` threw, else the stream's error
 */
export async function* throughStream(input: AsyncIterable<Buffer>, stream: Duplex): AsyncGenerator<Buffer, void> {
  const filled = pipeline(Readable.from(copies(input), {objectMode: false, highWaterMark: 1}), stream).then(() => null, (error: unknown) => error as Error)
  try {
    yield* stream as AsyncIterable<Buffer>
  } catch (error) {
    throw await filled ?? error
  } finally {
    stream.destroy()
  }

  const failure = await filled
  if (failure) throw failure
}

/** A stream reads ahead, and a thread or a program may still be at a piece when the next is asked for. */
async function* copies(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  for await (const piece of pieces) yield Buffer.from(piece)
}
