import {execFile} from 'node:child_process'
import {join} from 'node:path'
import {promisify} from 'node:util'

const run = promisify(execFile)

/** Does with the image's own programs what its packages' maintainer scripts would have done, as far as dynos notice. */
export async function finishImage(root: string): Promise<void> {
  await run('bwrap', [
    ...['--unshare-pid', '--die-with-parent', '--clearenv', '--setenv', 'PATH', '/usr/sbin:/usr/bin', '--setenv', 'LC_ALL', 'C'],
    ...['usr', 'etc'].flatMap(name => ['--bind', join(root, name), `/${name}`]),
    ...['bin', 'lib', 'lib64', 'sbin'].flatMap(name => ['--symlink', `usr/${name}`, `/${name}`]),
    ...['--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp', '--chdir', '/', '/bin/bash', '-c', FINISH],
  ])
}

// Links are what update-alternatives would make; certificates as update-ca-certificates and the locale as Heroku's setup.sh.
const FINISH = `set -euo pipefail
umask 022
for link in awk=mawk nawk=mawk nc=nc.openbsd netcat=nc.openbsd which=which.debianutils pager=less telnet=inetutils-telnet \\
  traceroute6=traceroute6.iputils lft=lft.db pinentry=pinentry-curses editor=nano convert=convert-im6.q16 identify=identify-im6.q16 \\
  mogrify=mogrify-im6.q16 composite=composite-im6.q16 compare=compare-im6.q16 montage=montage-im6.q16 stream=stream-im6.q16 \\
  cc=gcc c++=g++ c89=c89-gcc c99=c99-gcc yacc=bison.yacc automake=automake-1.16 aclocal=aclocal-1.16; do
  if [[ ! -e "/usr/bin/\${link%%=*}" && -e "/usr/bin/\${link#*=}" ]]; then
    ln --symbolic --force "\${link#*=}" "/usr/bin/\${link%%=*}"
  fi
done
# What Ubuntu's coreutils-from-uutils does: the Rust programs stand in the place of GNU's.
for program in /usr/lib/cargo/bin/coreutils/*; do
  if [[ -e "\${program}" ]]; then
    ln --symbolic --force "../lib/cargo/bin/coreutils/\${program##*/}" "/usr/bin/\${program##*/}"
  fi
done
mkdir --parents /etc/ssl/certs
find /usr/share/ca-certificates -name '*.crt' | sort | while read -r certificate; do
  name="\${certificate##*/}"
  ln --symbolic --force "\${certificate}" "/etc/ssl/certs/\${name%.crt}.pem"
  cat "\${certificate}"
done > /tmp/bundle
mv /tmp/bundle /etc/ssl/certs/ca-certificates.crt
openssl rehash /etc/ssl/certs
rm --force /usr/lib/ssl/cert.pem
localedef --inputfile=en_US --charmap=UTF-8 en_US.UTF-8
ldconfig`
