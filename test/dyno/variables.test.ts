import {expect} from 'chai'
import {spawnSync} from 'node:child_process'
import {readFileSync} from 'node:fs'
import {parseVariables} from '../../src/dyno/variables.ts'

const LOADER = new URL('../../src/dyno/loader.sh', import.meta.url)

describe('the variables that the loader hands on', () => {
  it('come as bash had them, whatever is in them', () => {
    const values = {
      NIX_BUILD_FLAGS: 'two\nlines "quoted" \\n \\\\ $HOME `x`', NIX_S3_SECRET: 'a/b+c==', NIX_PATH: 'nixpkgs=/x=y', DYNO: 'run.1234',
    }
    const [definition = ''] = /^function loader::variables\(\) \{\n[^]*?^\}$/m.exec(readFileSync(LOADER, 'utf8')) ?? []
    const {stdout} = spawnSync('bash', ['-c', `${definition}\nloader::variables`], {env: {PATH: process.env['PATH'], ...values}})
    expect(parseVariables(stdout.toString())).to.deep.equal(values)
  })

  it('are not set where they are empty', () => {
    expect(parseVariables('NIX_VERSION=\nNIX_ENGINE=auto\n')).to.deep.equal({NIX_ENGINE: 'auto'})
  })
})
