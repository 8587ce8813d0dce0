import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'

/**
 * Writes the few files of /etc that dynos need and no package holds, since packages' maintainer scripts never run.
 * passwd and group are overlaid by each dyno's own.
 *
 * @param hostEtc whose resolv.conf and hosts serve, because dynos use this machine's network
 */
export async function writeEtc(etc: string, hostEtc = '/etc'): Promise<void> {
  const host = (name: string): Promise<string> => readFile(join(hostEtc, name), 'utf8').catch(() => '')
  const files: Readonly<Record<string, string>> = {
    passwd: 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
    group: 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n',
    hosts: await host('hosts'),
    'resolv.conf': await host('resolv.conf'),
    'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\nnetworks: files\nprotocols: files\nservices: files\n',
    profile: PROFILE,
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(etc, name)), {recursive: true})
    await writeFile(join(etc, name), text)
  }
}

/**
 * Heroku's boot order: https://devcenter.heroku.com/articles/profiled, and its engineers' description in
 * https://nzoschke.github.io/noah. bash itself goes on to ~/.bash_profile, ~/.bash_login or ~/.profile.
 */
const PROFILE = `if [ -d "$HOME/.profile.d" ]; then
  for i in "$HOME"/.profile.d/*.sh; do
    if [ -r "$i" ]; then
      . "$i"
    fi
  done
  unset i
fi
export PS1='\\[\\033[01;34m\\]\\w\\[\\033[00m\\] \\[\\033[01;32m\\]$ \\[\\033[00m\\]'
`
