import {appendFileSync} from 'node:fs'

import Mocha from 'mocha'

/** Prints as mocha's `spec` does, and adds the run's counts as a line to the file that TEST_COUNTS names. */
export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options)
    const file = process.env['TEST_COUNTS']
    if (file === undefined) return
    runner.once('end', () => {
      const {passes, failures, pending} = this.stats
      appendFileSync(file, `${passes} ${failures} ${pending}\n`)
    })
  }
}
