import {execa} from 'execa'
import {mkdir, symlink} from 'node:fs/promises'
import {join} from 'node:path'

/**
 * The plugin as `heroku plugins:install` unpacks it: what the package's "files" leave out is not there.
 * What it depends on is the checkout's; test/project/package.test.ts compares that with package.json.
 * @returns the plugin's folder, below `dir`
 */
export async function packedPlugin(root: string, dir: string): Promise<string> {
  await mkdir(dir, {recursive: true})
  const {stdout} = await execa('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', dir], {cwd: root})
  const [{filename}] = JSON.parse(stdout) as [{filename: string}]
  await execa('tar', ['--extract', '--file', join(dir, filename), '--directory', dir])
  const plugin = join(dir, 'package')
  await symlink(join(root, 'node_modules'), join(plugin, 'node_modules'))
  return plugin
}
