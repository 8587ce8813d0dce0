import {expect} from 'chai'

import {controllers} from '../../../standin/dynos/memory.ts'
import type {MemoryEvent} from '../../../standin/dynos/memory-use.ts'
import {dynoSpec, IMAGE_TIMEOUT, testHost} from './support.ts'

describe("a dyno's memory", () => {
  it('ends it when it wants more, where this machine can enforce that, else the host says that it cannot', async function () {
    this.timeout(IMAGE_TIMEOUT)
    await using host = await testHost()
    const {output, end} = await host.run('perl -e \'my $all = "x" x (300 * 2 ** 20); print "got it\\n"\'', {memory: 64 * 2 ** 20})
    if (host.lacks.some(lack => lack.startsWith('Memory limits are shown'))) {
      expect(output).to.equal('got it\n')
    } else {
      expect({killed: output.includes('got it'), status: end.status}).to.deep.equal({killed: false, status: 137})
    }
  })

  it('ends all of it where twice its quota is exceeded, whichever processes have it, and tells so before', async function () {
    this.timeout(IMAGE_TIMEOUT)
    await using host = await testHost()
    const quota = 48 * 2 ** 20
    // Perl holds it twice.
    const hungry = (mib: number) => `perl -e 'my $all = "x" x (${mib} * 2 ** 20); print "has ${mib}\\n"; sleep 1000'`
    const dyno = host.start(dynoSpec(`setsid ${hungry(30)} & sleep 1000 & read; ${hungry(30)}`, {memory: quota, overrun: 'dyno'}))
    const events: MemoryEvent[] = []
    const first = new Promise<void>(resolve => {
      dyno.onMemory(event => {
        events.push(event)
        resolve()
      })
    })
    dyno.output.resume()
    await first
    expect(dyno.state).to.equal('up')
    dyno.input.write('\n')
    expect(await dyno.ended).to.deep.equal({status: 137, reason: 'memory'})
    expect(dyno.state).to.equal('crashed')
    expect(events.map(({kind, bytes}) => [kind, Math.floor(bytes / quota)])).to.deep.equal([['R14', 1], ['R15', 2]])
  })

  for (const {name, mountinfo, cgroup, expected} of [
    {
      name: "of version 1: the process's own group, then the top of what it sees",
      mountinfo: '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n',
      cgroup: '8:pids:/\n4:memory:/user/1\n0::/\n', expected: ['/sys/fs/cgroup/memory/user/1 memory.limit_in_bytes', '/sys/fs/cgroup/memory/ memory.limit_in_bytes'],
    },
    {
      name: 'of version 2',
      mountinfo: '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n',
      cgroup: '0::/user.slice/a:b\n', expected: ['/sys/fs/cgroup/user.slice/a:b memory.max', '/sys/fs/cgroup memory.max'],
    },
    {name: 'none at all', mountinfo: '23 1 8:1 / / rw - ext4 /dev/sda1 rw\n', cgroup: '', expected: []},
  ]) {
    it(`can be limited by control groups: ${name}`, () => {
      expect(controllers(mountinfo, cgroup).map(({parent, version}) => `${parent} ${version.limit}`)).to.deep.equal(expected.map(text => text.replace('/ ', ' ')))
    })
  }
})
