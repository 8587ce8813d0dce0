// The engine's entry points as the dyno program has them, bundled into one file and run inside the jail.
const [subcommand, ...argv] = process.argv.slice(2)

switch (subcommand) {
  case 'external-builder': {
    const {runExternalBuilder} = await import('../../../../src/dyno/engine/external-builder.ts')
    await runExternalBuilder(argv)
    break
  }

  case 'install': {
    const {clearOldStore} = await import('../../../../src/dyno/engine/clear-old-store.ts')
    const {installNix} = await import('../../../../src/dyno/engine/install-nix.ts')
    const [archive = '', settings = '{}'] = argv
    clearOldStore()
    const nix = await installNix({
      archive,
      conf: {
        externalBuilder: {program: process.execPath, args: [process.argv[1] ?? '', 'external-builder']},
        systems: ['x86_64-linux'],
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
