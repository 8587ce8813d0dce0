import type {ByteString} from '../slug/byte-string.ts'

/**
 * One entry of a run-time closure as it was before pruning: a line of `files.jsonl.gz`. The order is a NAR's, as
 * everywhere: a directory before what it holds, siblings by the bytes of their names.
 */
export type ListedFile = ListedDirectory | ListedRegular | ListedSymlink

interface Listed {
  /** relative to the store: `HASH-NAME/bin/x` */
  path: ByteString
  /** bytes that it adds to a compressed layer, its tar header counted: an estimate, good in sums */
  packed: number
  /** what it leads to, in the order in which it stands in the file */
  needs: readonly Need[]
}

export interface ListedDirectory extends Listed {
  kind: 'directory'
}

export interface ListedRegular extends Listed {
  kind: 'file'
  /** bytes */
  size: number
  executable: boolean
  what: FileContent
  /** the name by which a library says it wants to be found */
  soname?: ByteString
}

export interface ListedSymlink extends Listed {
  kind: 'symlink'
  /** as it stands in the link, but for the view's directory, which is the store's */
  target: ByteString
}

/**
 * What a file is by its first bytes. `elf`: a program or a shared library; `object`: what only a linker reads, or an ELF
 * file that could not be understood; `archive`: a static library; `script`: begins with `#!`.
 */
export const FILE_CONTENTS = ['elf', 'object', 'archive', 'script', 'text', 'data'] as const
export type FileContent = (typeof FILE_CONTENTS)[number]

/**
 * `interpreter`: an ELF program's loader. `library`: NEEDED by name, found as the loader finds it. `runpath`: a folder where
 * libraries are looked for. `dlopen`: a library's path in a program's constant data. `shebang`: a script's interpreter, or the
 * program that its `env` finds by path. `symlink`: a link's target. `text`: a store path anywhere else.
 *
 * Without the first two, `shebang` and `symlink`, a thing does not work; the others may be of no importance when it runs.
 */
export const NEED_KINDS = ['interpreter', 'library', 'runpath', 'dlopen', 'shebang', 'symlink', 'text'] as const
export type NeedKind = (typeof NEED_KINDS)[number]

export interface Need {
  how: NeedKind
  /**
   * The entry that it leads to, relative to the store; the store path alone (`HASH-NAME`) where that holds no such entry.
   * A symlink is not followed to its end: it has needs of its own. null: a library that the closure does not hold
   */
  to: ByteString | null
  /** symlinks on the way to `to`, which has no such in its own name */
  through?: readonly ByteString[]
  /** entries that would be found if `to` were not there */
  or?: readonly ByteString[]
  /** a library's name as it is asked for */
  name?: ByteString
  /** bytes from the file's start, of where it stands */
  offset?: number
}
