import {randomBytes} from 'node:crypto'
import {join} from 'node:path'
import type {Credentials} from './contract.ts'
import {readJson, writeJsonDurably} from './durable-file.ts'
import {isRecord} from './xml.ts'

/** The credentials of an earlier start in this folder, else new random ones, kept where only their owner reads them. */
export async function loadCredentials(dir: string): Promise<Credentials> {
  const file = join(dir, 'credentials.json')
  const kept = await readJson(file)
  if (isRecord(kept) && typeof kept['key'] === 'string' && typeof kept['secret'] === 'string') {
    return {key: kept['key'], secret: kept['secret']}
  }

  const credentials = {key: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`, secret: randomBytes(30).toString('base64')}
  await writeJsonDurably(file, credentials, 0o600)
  return credentials
}
