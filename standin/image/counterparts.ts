/** How one package of Heroku's image is had from another distribution. */
export type Counterpart =
  | {kind: 'none'; wanted: string; reason: string}
  | {kind: 'other'; wanted: string; name: string}
  | {kind: 'same'; wanted: string; name: string}

/** Packages whose counterpart no rule of names can find. The first that exists is taken. */
const RENAMED: Readonly<Record<string, readonly string[]>> = {
  'libcares2': ['libc-ares2'],
  'libcurl3t64-gnutls': ['libcurl3-gnutls'],
  'libglib2.0-0t64': ['libglib2.0-0'],
  'libjpeg-turbo8': ['libjpeg62-turbo'],
  'libjpeg8': ['libjpeg62-turbo'],
  'libldap2': ['libldap-2.5-0'],
  'libmagickcore-6.q16-7-extra': ['libmagickcore-6.q16-6-extra', 'libmagickcore-7.q16-10-extra'],
  'libmagickcore-6.q16-7t64': ['libmagickcore-6.q16-6', 'libmagickcore-7.q16-10'],
  'libmagickwand-6.q16-7t64': ['libmagickwand-6.q16-6', 'libmagickwand-7.q16-10'],
  'libmysqlclient21': ['libmariadb3'],
  'libsvtav1enc1d1': ['libsvtav1enc1'],
  'ubuntu-keyring': ['debian-archive-keyring'],
}

/** Packages that may have no counterpart, and why that is right. */
const EXPECTED_ABSENT: Readonly<Record<string, string>> = {
  'fonts-dejavu-mono': 'its fonts are in fonts-dejavu-core',
  'keyboxd': 'a part of GnuPG 2.4 and newer',
  'libheif-plugin-aomdec': 'built into libheif1',
  'libheif-plugin-libde265': 'built into libheif1',
  'libsframe1': 'its library is in libbinutils',
  'libsharpyuv0': 'a part of libwebp 1.3 and newer',
  'libwebpdecoder3': 'not packaged apart from libwebp-dev',
  'unminimize': 'of Ubuntu alone',
}

/**
 * Finds what stands for a package: the same name; the same without or with the suffix of the 64-bit time transition; a listed
 * other name; the same library or program under another version number, the newest there is.
 */
export function counterpart(wanted: string, available: ReadonlySet<string>): Counterpart {
  if (available.has(wanted)) {
    return {kind: 'same', wanted, name: wanted}
  }

  const plain = wanted.replace(/t64$/, '')
  const name = [plain, `${plain}t64`, ...(RENAMED[wanted] ?? [])].find(other => available.has(other)) ?? otherVersion(plain, available)
  return name === undefined
    ? {kind: 'none', wanted, reason: EXPECTED_ABSENT[wanted] ?? 'nothing found'}
    : {kind: 'other', wanted, name}
}

/** `libicu74` → `libicu72`; the last number may differ, else all of them, so that libx265 is never taken for libx264. */
function otherVersion(name: string, available: ReadonlySet<string>): string | undefined {
  const parts = name.split(/(\d+)/)
  const last = parts.length - 2
  for (const free of [(index: number) => index === last, () => true]) {
    const pattern = new RegExp(`^${parts.map((part, index) => index % 2 === 1 && free(index) ? '\\d+' : literal(part)).join('')}(?:t64)?$`)
    const found = parts.length > 1 ? [...available].filter(other => pattern.test(other)) : []
    if (found.length > 0) {
      return found.toSorted(new Intl.Collator('en', {numeric: true}).compare).at(-1)
    }
  }

  return undefined
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
