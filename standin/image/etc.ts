import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'

/**
 * Writes the few files of /etc that dynos need and no package holds, since packages' maintainer scripts never run.
 * Each dyno lays its own passwd, group, hosts and resolv.conf over these.
 */
export async function writeEtc(etc: string): Promise<void> {
  await mkdir(etc, {recursive: true})
  for (const [name, text] of Object.entries(FILES)) {
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

const FILES: Readonly<Record<string, string>> = {
  // Debian's would replace the prompt that `heroku run bash` shows.
  'bash.bashrc': '',
  group: 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n',
  hosts: '127.0.0.1 localhost\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\nnetworks: files\nprotocols: files\nservices: files\n',
  passwd: 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
  profile: PROFILE,
  'resolv.conf': '',
}
