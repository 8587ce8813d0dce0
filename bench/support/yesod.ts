import {execFileSync} from 'node:child_process'
import {createHash} from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import {removeTree} from '../../src/lib/view/remove.ts'
import {nixArchive} from '../../test/dyno/engine/support/installed.ts'
import {CannotMeasure, type BenchContext} from '../bench.ts'
import {installNativeNix, nativeNix, type NativeNix} from './native-nix.ts'

/** GHC with Yesod, as a framework of the size that the older buildpack's README speaks of. */
const PACKAGES = ['libghc-yesod-dev']
const ROOT = path.resolve(import.meta.dirname, '../..')
const EXAMPLE = `${ROOT}/examples/flask`
const PROJECT = '/home/project'
const EXPRESSION = `{ text }: let
  packages = import ./nix/packages.nix { lock = builtins.fromJSON (builtins.readFile ./packages.json); debs = ./debs; };
in derivation {
  name = "my-awesome-app";
  inherit (packages) system app;
  inherit text;
  builder = "/bin/sh";
  args = [ "-c" "export PATH=/usr/bin:/bin; mkdir -p $out/bin; echo $text > $out/text; for path in $app; do echo $path; done > $out/needs" ];
}
`

/** A run-time closure of some 1.4 GB and 200 paths, in a store of its own. */
export interface YesodClosure {
  native: NativeNix
  /** Builds the app with this text in it: one path changes. \`/nix/store/HASH-my-awesome-app\` */
  build: (text: string) => Promise<string>
  /** where it comes from, for people */
  origin: string
}

/** Builds it once, of the distribution's packages, and keeps it in .cache. */
export async function yesodClosure({say}: Pick<BenchContext, 'say'>): Promise<YesodClosure> {
  const archive = nixArchive()
  if (archive === null) throw new CannotMeasure('There is no Nix archive in .cache/. Try: bin/setup --bench')
  const kept = `${ROOT}/.cache/bench/yesod-${digest(archive)}`
  if (!fs.existsSync(kept)) await make(archive, kept, say)
  const native = nativeNix(kept)
  return {native, build: text => buildText(native, kept, text), origin: `${PACKAGES.join(' ')} and all it needs, of this machine's distribution, each package built as a derivation by examples/flask/nix; kept in ${path.relative(ROOT, kept)}`}
}

async function make(archive: string, kept: string, say: BenchContext['say']): Promise<void> {
  const unfinished = `${kept}.${process.pid}`
  try {
    fs.mkdirSync(`${unfinished}/project`, {recursive: true})
    fs.cpSync(`${EXAMPLE}/nix`, `${unfinished}/project/nix`, {recursive: true})
    fs.writeFileSync(`${unfinished}/project/default.nix`, EXPRESSION)
    say('downloading Debian packages, some 160 MB; they and what is built of them are kept in .cache/bench')
    execFileSync(process.execPath, [`${EXAMPLE}/fetch-packages`, `${unfinished}/project`, ...PACKAGES], {stdio: ['ignore', 'ignore', 'inherit']})
    say('building them')
    await buildText(installNativeNix(archive, unfinished), unfinished, 'first')
    fs.renameSync(unfinished, kept)
  } finally {
    removeTree(unfinished)
  }
}

async function buildText(native: NativeNix, root: string, text: string): Promise<string> {
  const args = [PROJECT, '--no-out-link', '-j2', '--argstr', 'text', text]
  return (await native.run('nix-build', args, {[`${root}/project`]: PROJECT})).trim()
}

/** Of all that it is made by. */
function digest(archive: string): string {
  const hash = createHash('sha256').update(JSON.stringify([EXPRESSION, PACKAGES, path.basename(archive), fs.statSync(archive).size]))
  for (const file of ['fetch-packages', 'nix/packages.nix', 'nix/package.sh', 'nix/unpack.sh']) hash.update(fs.readFileSync(`${EXAMPLE}/${file}`))
  return hash.digest('hex').slice(0, 12)
}
