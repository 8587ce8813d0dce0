import type {ByteString} from '../slug/byte-string.ts'
import type {SlugEntries} from '../slug/entry.ts'
import {tarHeader, tarPadding} from '../slug/tar-header.ts'

const NOTHING = '' as ByteString

/**
 * A source tree as a tar in GNU's format: sorted, owner 0, mtime 1, modes 0644 and 0755. Its bytes depend on
 * the tree alone, on every operating system, so its sha256 says what is built.
 */
export async function* tarOf(entries: SlugEntries): AsyncGenerator<Uint8Array> {
  for await (const entry of entries) {
    switch (entry.kind) {
      case 'directory': {
        yield tarHeader({kind: 'directory', name: `${entry.path}/` as ByteString, mode: 0o755, size: 0, target: NOTHING})
        break
      }

      case 'symlink': {
        yield tarHeader({kind: 'symlink', name: entry.path, mode: 0o777, size: 0, target: entry.target})
        break
      }

      case 'file': {
        yield tarHeader({kind: 'file', name: entry.path, mode: entry.executable ? 0o755 : 0o644, size: entry.size, target: NOTHING})
        yield* entry.read()
        yield Buffer.alloc(tarPadding(entry.size))
        break
      }
    }
  }

  yield Buffer.alloc(1024)
}
