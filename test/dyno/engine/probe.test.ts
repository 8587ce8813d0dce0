import {expect} from 'chai'
import {probeRecord, type Probe} from '../../../src/dyno/engine/probe.ts'
import {installInJail, nixArchive} from './support/installed.ts'

describe('probing a dyno', function () {
  this.timeout(60_000)

  it('finds that it refuses ptrace and user namespaces, and what it has', async function () {
    const archive = nixArchive()
    if (archive === null) return this.skip()
    await using jail = await installInJail(archive)
    const {stdout} = await jail.engine(['probe'])
    const probe = JSON.parse(stdout) as Probe
    expect([probe.ptrace, probe.userNamespaces, probe.bash?.startsWith('GNU bash'), probe.memory > 2 ** 28, probe.processors >= 1]).to.deep.equal(['refused', 'refused', true, true, true])
    expect(probeRecord(probe)['ptrace']).to.equal('refused')
  })
})
