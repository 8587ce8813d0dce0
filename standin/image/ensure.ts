import {createHash} from 'node:crypto'
import {mkdir, readFile, rename, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'

import {StandinError} from '../errors.ts'
import {Apt, ubuntuSources, type Package} from './apt.ts'
import {COUNTERPART_RULES, type Counterpart, counterpart} from './counterparts.ts'
import {writeEtc} from './etc.ts'
import {extractPackages} from './extract.ts'
import {finishImage} from './finish.ts'
import {withLock} from './lock.ts'
import {readStack, type Stack, type Variant} from './stack.ts'

export interface Image {
  root: string
  /** what dynos see as /usr */
  usr: string
  /** what dynos see as /etc */
  etc: string
  made: ImageRecord
}

/** What an image was made of. */
export interface ImageRecord {
  distribution: string
  counterparts: Counterpart[]
  packages: {name: string; version: string}[]
}

/** Where images are made unless said otherwise. */
export const IMAGE_CACHE = fileURLToPath(new URL('../../.cache/image', import.meta.url))

export interface EnsureImageOptions {
  /** holds the downloaded packages, too */
  dir?: string
  variant?: Variant
  /** URL of a mirror of Ubuntu: then the image is made of the very packages of the stack, and not of this machine's distribution's */
  mirror?: string | undefined
  /** told what takes long, before it does */
  report?: (what: string) => void
}

/**
 * Makes a root like that of a stack's run or build image out of this machine's own distribution, unless it was made before. It appears whole
 * or not at all; whoever comes second waits for the first.
 *
 * @throws StandinError when the packages cannot be had
 */
export async function ensureImage({dir = IMAGE_CACHE, variant = 'heroku-24', mirror, report = () => undefined}: EnsureImageOptions = {}): Promise<Image> {
  const stack = await readStack(variant)
  const distribution = mirror === undefined ? await thisDistribution() : stack.distribution
  const ownRules = stack.renamed || stack.absent ? [JSON.stringify([stack.renamed, stack.absent])] : []
  const root = join(dir, `${variant}-${imageKey(distribution, COUNTERPART_RULES, ...ownRules, ...stack.packages)}`)
  await mkdir(dir, {recursive: true})
  const made = await withLock(join(dir, 'lock'), async () =>
    await recordOf(root) ?? await makeImage({dir, root, variant, stack, distribution, mirror, report}))
  return {root, usr: join(root, 'usr'), etc: join(root, 'etc'), made}
}

async function recordOf(root: string): Promise<ImageRecord | null> {
  const text = await readFile(join(root, RECORD), 'utf8').catch(() => null)
  return text === null ? null : JSON.parse(text) as ImageRecord
}

interface Order {
  dir: string
  root: string
  variant: Variant
  stack: Stack
  distribution: string
  mirror: string | undefined
  report: (what: string) => void
}

async function makeImage({dir, root, variant, stack, distribution, mirror, report}: Order): Promise<ImageRecord> {
  report(`Making the image ${stack.stack} out of ${distribution}'s counterparts of ${stack.distribution}'s packages`)
  const apt = mirror === undefined
    ? await Apt.open(join(dir, 'apt'))
    : await Apt.open(join(dir, `apt-${stack.suite}`), ubuntuSources(mirror, stack.suite))
  const available = await apt.available()
  const counterparts = stack.packages.map(name => counterpart(name, available, stack))
  const packages = await apt.download([...new Set(counterparts.flatMap(found => found.kind === 'none' ? [] : [found.name]))])
  if (!variant.endsWith('-build')) refuseToolchain(packages)

  const staging = `${root}.new`
  await rm(staging, {recursive: true, force: true})
  report(`Unpacking ${packages.length} packages`)
  await extractPackages(staging, packages.map(({file}) => file))
  await writeEtc(join(staging, 'etc'))
  await finishImage(staging)
  const record: ImageRecord = {distribution, counterparts, packages: packages.map(({name, version}) => ({name, version}))}
  await writeFile(join(staging, RECORD), JSON.stringify(record))
  await rename(staging, root)
  return record
}

const RECORD = 'image.json'

/** Changes whenever this folder's code makes another image out of the same packages. */
const FORMAT = 2

function imageKey(...parts: string[]): string {
  return createHash('sha256').update([FORMAT, ...parts].join('\n')).digest('hex').slice(0, 12)
}

/** `Debian GNU/Linux 12` */
async function thisDistribution(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '')
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(release)?.[1] ?? ''
  if (!/\b(?:debian|ubuntu)\b/.test(`${field('ID')} ${field('ID_LIKE')}`)) {
    throw new StandinError(`The dynos' image is made of Debian's or Ubuntu's packages, and this is ${field('NAME') || 'another system'}.`)
  }

  return `${field('NAME')} ${field('VERSION_ID')}`
}

/** What Heroku's run image doesn't have, some package may still depend on elsewhere; dynos must not come to rely on it. */
function refuseToolchain(packages: readonly Package[]): void {
  const found = packages.filter(({name}) => /^(?:git|gcc-\d+|g\+\+.*|make|nodejs|patchelf|python\d.*)$/.test(name) && !name.endsWith('-base'))
  if (found.length > 0) {
    throw new StandinError(`Packages that Heroku's run image doesn't have: ${found.map(({name}) => name).join(', ')}`)
  }
}
