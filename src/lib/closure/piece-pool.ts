/** Of a NAR, whatever its files: small ones would cost more to hand on than to read. */
export const PIECE = 2 * 1024 * 1024

/** Buffers of PIECE bytes that are used again: a gigabyte of new ones would keep the garbage collector as busy as the compression. */
export interface PiecePool {
  take(): Buffer
  /** @param piece one that was taken, or its beginning; nobody uses it any more */
  give(piece: Buffer): void
}

/** @param most that lie there unused */
export function piecePool(most = 16): PiecePool {
  const unused: ArrayBufferLike[] = []
  return {
    take: () => Buffer.from(unused.pop() ?? new ArrayBuffer(PIECE)),
    give({buffer}) {
      if (unused.length < most) unused.push(buffer)
    },
  }
}
