import fs from 'node:fs'
import type {LeftPath} from '../build/record.ts'
import {STORE_DIR} from '../nix/store-path.ts'
import {withoutControls} from '../output/without-controls.ts'
import type {DiskPath} from '../view/entry.ts'
import {fileSource} from './byte-source.ts'
import {SCAN_LIMITS} from './limits.ts'
import type {Needle} from './needle.ts'
import {scanInside} from './scan-inside.ts'

export interface FilesToScan {
  /** where store paths lie */
  tree: string
  /** below it: `HASH-NAME/share/x.gz` */
  files: readonly DiskPath[]
  needle: Needle
  /** called for a file that holds too much; the sentence has no full stop */
  onNotScanned: (file: string, reason: string) => void
  /** called every few milliseconds of work */
  onProgress?: () => void
  signal?: AbortSignal
}

/** Looks into files one after the other. @returns the first place in each that has one, fit for a record */
export async function scanFiles({tree, files, needle, onNotScanned, onProgress, signal}: FilesToScan): Promise<LeftPath[]> {
  const places: LeftPath[] = []
  for (const file of files) {
    signal?.throwIfAborted()
    const name = plain(file.toString())
    const end = await scanFile(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from(file)]), needle, onProgress)
    if (end.kind === 'not-scanned') onNotScanned(name, end.reason)
    else if (end.kind === 'found') places.push({...placeOf(file), inside: end.inside.map(plain), offset: end.offset})
  }

  return places
}

/** A file's or folder's place as a record has it. */
export function placeOf(file: DiskPath): LeftPath {
  const [path = '', ...rest] = plain(file.toString()).split('/')
  return {path: `${STORE_DIR}/${path}`, file: rest.join('/'), inside: [], offset: 0}
}

async function scanFile(place: Buffer, needle: Needle, onProgress?: () => void): ReturnType<typeof scanInside> {
  const file = fs.openSync(place, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW)
  try {
    return await scanInside(fileSource(file), needle, SCAN_LIMITS, onProgress)
  } finally {
    fs.closeSync(file)
  }
}

/** Names come from whoever made the archive, and go to terminals and into records. */
function plain(name: string): string {
  return withoutControls(name).slice(0, 1000)
}
