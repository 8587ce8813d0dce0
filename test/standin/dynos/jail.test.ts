import {execFile} from 'node:child_process'
import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'

import {expect} from 'chai'

import {calling32} from './elf.ts'
import {IMAGE_TIMEOUT, slugOf, testHost, type TestHost} from './support.ts'

describe('what a dyno is', () => {
  let host: TestHost

  before(async function () {
    this.timeout(IMAGE_TIMEOUT)
    host = await testHost()
  })

  after(() => host[Symbol.asyncDispose]())

  it('refuses PRoot as Heroku does', async function () {
    const libraries = await promisify(execFile)('ldd', ['/usr/bin/proot']).catch(() => null)
    if (!libraries) {
      this.skip()
    }

    const paths = ['/usr/bin/proot', ...Array.from(libraries.stdout.matchAll(/=> (\S+libtalloc\S+)/g), ([, path = '']) => path)]
    const members = await Promise.all(paths.map(async path =>
      ({name: `./app/${path.split('/').at(-1) ?? ''}`, mode: 0o755, content: await readFile(path)})))
    const slug = await slugOf(join(host.dir, 'proot.tgz'), members)
    const {output, end} = await host.run('LD_LIBRARY_PATH=/app ./proot true', {slug})
    expect(output).to.contain('ptrace(TRACEME): Operation not permitted')
    expect(end.status).to.equal(1)
  })

  it('refuses namespaces, by unshare and by clone', async () => {
    const {output} = await host.run('unshare --user true; unshare --pid true; perl -e \'syscall(56, 0x10000011, 0, 0, 0, 0) and print "$!\\n"\'')
    expect(output.split('\n')).to.deep.equal([
      'unshare: unshare failed: Operation not permitted', 'unshare: unshare failed: Operation not permitted', 'Operation not permitted', '',
    ])
  })

  it('refuses every way to mount, and to look into other processes', async () => {
    const numbers = [101, 155, 161, 165, 166, 250, 272, 298, 304, 308, 310, 311, 321, 425, 428, 429, 430, 432, 433, 438, 442]
    const {output} = await host.run(`perl -e 'for (@ARGV) { print "$_ $!\\n" if syscall($_ + 0, 0, 0, 0, 0, 0) != -1 || $! != 1 }' ${numbers.join(' ')}; echo done`)
    expect(output).to.equal('done\n')
  })

  it('has no clone3, so that programs fall back to clone, whose flags can be seen', async () => {
    const {output} = await host.run('perl -e \'syscall(435, 0, 0); print "$!\\n"\'')
    expect(output).to.equal('Function not implemented\n')
  })

  it('refuses the same to 32-bit programs, and runs them', async () => {
    const slug = await slugOf(join(host.dir, '32.tgz'), [
      {name: './app/ptrace', mode: 0o755, content: calling32(26, 0)},
      {name: './app/unshare', mode: 0o755, content: calling32(310, 0x10000000)},
      {name: './app/clone', mode: 0o755, content: calling32(120, 0x10000011)},
      {name: './app/getpid', mode: 0o755, content: calling32(20, 0)},
    ])
    const {output} = await host.run('for i in ptrace unshare clone; do ./$i; echo $i $?; done; ./getpid; [ $? -gt 128 ] && echo runs', {slug})
    expect(output).to.equal('ptrace 1\nunshare 1\nclone 1\nruns\n')
  })

  it('is a user of its own that owns /app and /tmp and nothing else', async () => {
    const {output} = await host.run('[[ $(whoami) == u$(id -u) ]] && id -gn && echo $HOME $PWD && echo x > /app/x && echo x > /tmp/x && cat /app/x;'
      + ' for i in / /usr /etc /run /sys /proc/sys/kernel/hostname; do [ -w $i ] && echo writable $i; done; grep -E "^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)" /proc/self/status')
    expect(output).to.equal('dyno\n/app /app\nx\n'
      + ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'].map(name => `${name}:\t0000000000000000\n`).join('') + 'NoNewPrivs:\t1\n')
  })

  it('has a /tmp on disk', async () => {
    const {output} = await host.run('[[ $(stat --file-system --format %T /tmp) != tmpfs ]] && [[ $(stat --format %d /tmp) == $(stat --format %d /app) ]] && echo disk')
    expect(output).to.equal('disk\n')
  })

  it('sees no process but its own, and no /nix, /home or /root', async () => {
    const {output} = await host.run('ls /proc | grep -c "^[0-9]"; ls -d /nix /home /root 2>&1 | grep -vc "No such file"; ls /')
    expect(output.split('\n')).to.deep.equal(['5', '0', 'app', 'bin', 'dev', 'etc', 'lib', 'lib64', 'proc', 'run', 'sbin', 'tmp', 'usr', 'var', ''])
  })

  it("has Heroku's tools on its PATH, and no compiler, git or language but Perl", async () => {
    const {output} = await host.run('echo $PATH; for i in bash curl jq tar gzip xz zstd rsync perl openssl ld nc; do command -v $i > /dev/null || echo no $i; done;'
      + ' for i in git gcc cc g++ make python python3 node npm ruby patchelf nix strace gdb sudo; do command -v $i; done; echo done')
    expect(output).to.equal('/usr/local/bin:/usr/bin:/bin\ndone\n')
  })

  it('gets its environment from the host and nothing besides', async () => {
    const {output} = await host.run('env --null | sort --zero-terminated | tr "\\0" "|"', {env: {DYNO: 'run.1', KEY: 'line 1\nline 2', PATH: '/bin', HOME: '/evil'}})
    expect(output).to.match(/^DYNO=run\.1\|HOME=\/app\|KEY=line 1\nline 2\|PATH=\/bin\|PS1=[^|]*\|PWD=\/app\|SHLVL=\d\|_=\S+\|$/)
  })

  it('sources .profile.d/*.sh, then ~/.profile, before the command', async () => {
    const slug = await slugOf(join(host.dir, 'profile.tgz'), [
      {name: './app/.profile.d/a.sh', content: 'export ORDER=a\n'},
      {name: './app/.profile.d/ignored', content: 'export ORDER=$ORDER-ignored\n'},
      {name: './app/.profile', content: 'export ORDER=$ORDER-profile\n'},
    ])
    const {output} = await host.run('echo $ORDER', {slug})
    expect(output).to.equal('a-profile\n')
  })

  it('has open files, hard limits and terminals of its own alone', async () => {
    const {output} = await host.run('ls /proc/self/fd | tr "\\n" " "; tty; ulimit -u; echo out > /dev/stdout; echo err > /dev/stderr; cat /dev/tty', {maxThreads: 64})
    expect(output).to.equal('0 1 2 3 not a tty\n64\nout\nerr\ncat: /dev/tty: No such device or address\n')
  })

  it('cannot have more processes than its size allows', async () => {
    const {output} = await host.run('perl -e \'for (1 .. 40) { my $child = fork() // do { print "$! after $_\\n"; exit }; sleep 100 if !$child }\'', {maxThreads: 20})
    expect(output).to.match(/^Resource temporarily unavailable after 1\d\n$/)
  })

  it('finds its memory limit where programs on Heroku look for it', async () => {
    const {output} = await host.run('cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2> /dev/null', {memory: 512 * 1024 * 1024})
    expect(output).to.equal('536870912\n')
  })
})
