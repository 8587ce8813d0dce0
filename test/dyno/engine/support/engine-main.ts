// The engine's entry points as the dyno program has them, bundled into one file and run inside the jail.
const [subcommand, ...argv] = process.argv.slice(2)

switch (subcommand) {
  case 'install': {
    const {clearOldStore} = await import('../../../../src/dyno/engine/clear-old-store.ts')
    const {installNix} = await import('../../../../src/dyno/engine/install-nix.ts')
    const {probeDyno} = await import('../../../../src/dyno/engine/probe.ts')
    const {systemsOf} = await import('../../../../src/dyno/engine/systems.ts')
    const [archive = '', settings = '{}'] = argv
    clearOldStore()
    const nix = await installNix({
      archive,
      conf: {
        externalBuilder: {program: process.execPath, args: ['/toolbox/external-builder.mjs']},
        systems: systemsOf(await probeDyno()),
        builder: {systemFeatures: ['benchmark', 'big-parallel', 'nixos-test'], hashedMirrors: [], netrcFile: null, caFile: null},
        settings: {substituters: '', ...JSON.parse(settings) as Record<string, string>},
      },
    })
    process.stdout.write(JSON.stringify(nix))
    break
  }

  case 'probe': {
    const {probeDyno} = await import('../../../../src/dyno/engine/probe.ts')
    process.stdout.write(JSON.stringify(await probeDyno()))
    break
  }

  default: {
    throw new Error(`no subcommand ${String(subcommand)}`)
  }
}
