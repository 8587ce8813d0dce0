import {join} from 'node:path'

import {writeEtc} from './etc.ts'

export interface Image {
  root: string
  /** what dynos see as /usr */
  usr: string
  /** what dynos see as /etc */
  etc: string
}

/** Makes the stack image, once, in a folder. For now with this machine's own programs. */
export async function ensureImage({dir}: {dir: string; variant: 'heroku-24'}): Promise<Image> {
  const etc = join(dir, 'etc')
  await writeEtc(etc)
  return {root: dir, usr: '/usr', etc}
}
