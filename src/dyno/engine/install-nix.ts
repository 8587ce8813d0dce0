import {spawn} from 'node:child_process'
import fs from 'node:fs'
import {once} from 'node:events'
import {EXIT, NixError} from '../../lib/errors.ts'
import {STORE_DIR} from '../../lib/nix/store-path.ts'
import {ensureInView} from '../../lib/view/view.ts'
import {LAYOUT, TREES} from './layout.ts'
import {nixCommand, type InstalledNix} from './nix-command.ts'
import {renderNixConf, type NixConf} from './nix-conf.ts'

/** What `installNix` is given. */
export interface NixInstallation {
  /** path of `nix-VERSION-x86_64-linux.tar.xz`, its digest already checked */
  archive: string
  /** what nix.conf says; the builder settings' path is added to the external builder's arguments */
  conf: NixConf
}

/** Unpacks Nix into the canonical store, derives its view, loads its database and writes nix.conf. The old store must be gone. */
export async function installNix({archive, conf}: NixInstallation): Promise<InstalledNix> {
  for (const folder of [LAYOUT.canonical, LAYOUT.view, LAYOUT.state, LAYOUT.log, LAYOUT.etc, LAYOUT.home, LAYOUT.builds]) {
    fs.mkdirSync(folder, {recursive: true})
  }

  await unpack(archive)
  const nix = findNix(fs.readdirSync(LAYOUT.canonical))
  ensureInView(TREES, fs.readdirSync(LAYOUT.canonical))
  const builderSettings = `${LAYOUT.etc}/external-builder.json`
  fs.writeFileSync(builderSettings, JSON.stringify(conf.builder))
  const {program, args} = conf.externalBuilder
  fs.writeFileSync(`${LAYOUT.etc}/nix.conf`, renderNixConf({...conf, externalBuilder: {program, args: [...args, builderSettings]}}))
  await loadDatabase(nix)
  return nix
}

/** The archive's `NAME/store/…` and `NAME/.reginfo`, straight to their places: a read-only folder cannot be moved by its owner. */
async function unpack(archive: string): Promise<void> {
  const args = ['--extract', '--xz', '--file', archive, '--directory', LAYOUT.root, '--strip-components=1', '--wildcards', '*/store', '*/.reginfo']
  const tar = spawn('tar', args, {stdio: ['ignore', 'inherit', 'pipe']})
  await succeeds(tar, `cannot unpack ${archive}`, 'NIX_ARCHIVE')
}

async function loadDatabase(nix: InstalledNix): Promise<void> {
  const {file, args, env} = nixCommand(nix, 'nix-store', ['--load-db'])
  const reginfo = fs.openSync(`${LAYOUT.root}/.reginfo`, 'r')
  try {
    await succeeds(spawn(file, args, {env, stdio: [reginfo, 'inherit', 'pipe']}), 'Nix does not start on this dyno', 'NIX_START')
  } finally {
    fs.closeSync(reginfo)
  }
}

async function succeeds(child: ReturnType<typeof spawn>, failure: string, code: string): Promise<void> {
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4000)
  })
  const [status, signal] = await once(child, 'close') as [number | null, string | null]
  if (status === 0) return
  const end = status === null ? `ended by ${String(signal)}` : `exit status ${status}`
  throw new NixError(`${failure} (${end}): ${errors.trim()}`, {
    code, exit: EXIT.unexpected, suggestions: ['heroku nix:setup'],
  })
}

/** Which of an archive's store paths (`HASH-NAME`) is Nix itself. */
export function findNix(baseNames: readonly string[]): InstalledNix {
  const found = baseNames.map(name => ({name, version: /^[^-]+-nix-(\d+\.\d+[^-]*)$/.exec(name)?.[1]})).filter(({version}) => version !== undefined)
  const [nix] = found
  if (found.length !== 1 || !nix?.version) {
    throw new NixError(`The Nix archive should hold one path named nix-VERSION and has ${found.length}.`, {
      code: 'NIX_ARCHIVE', exit: EXIT.verification, suggestions: ['heroku nix:setup'],
    })
  }

  return {version: nix.version, storePath: `${STORE_DIR}/${nix.name}`, programs: `${LAYOUT.view}/${nix.name}/bin`}
}
