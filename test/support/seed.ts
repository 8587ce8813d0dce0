import fc from 'fast-check'

// Generated cases differ from run to run, unless FUZZ_SEED names theirs: bin/test's do not, so that it says the same of the same tree.
const seed = process.env['FUZZ_SEED']
if (seed !== undefined && seed !== '') fc.configureGlobal({...fc.readConfigureGlobal(), seed: Number(seed)})
