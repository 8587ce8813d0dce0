import {execFileSync} from 'node:child_process'
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import path from 'node:path'
import type {Standin} from '../support/standin.ts'

/** Gives an app a slug with these files. */
export async function releaseSlug(standin: Standin, app: string, files: Readonly<Record<string, string>>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slug-'))
  try {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(folder, 'app', name)), {recursive: true})
      await writeFile(path.join(folder, 'app', name), content)
    }

    const body = execFileSync('tar', ['--create', '--gzip', '--directory', folder, './app'])
    const slug = await standin.api<{id: string; blob: {url: string}}>('POST', `/apps/${app}/slugs`, {process_types: {}})
    const put = await fetch(slug.body.blob.url, {method: 'PUT', body, headers: {'content-type': ''}})
    const release = await standin.api('POST', `/apps/${app}/releases`, {slug: slug.body.id})
    if (!put.ok || release.status !== 201) throw new Error(`slug: ${put.status}, release: ${release.status}`)
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}
