import type {Stack} from './stack.ts'

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
  'libgirepository-1.0-dev': ['libgirepository1.0-dev'],
  'libjpeg-turbo8': ['libjpeg62-turbo'],
  'libjpeg-turbo8-dev': ['libjpeg62-turbo-dev'],
  'libjpeg8': ['libjpeg62-turbo'],
  'libjpeg8-dev': ['libjpeg62-turbo-dev'],
  'libldap2': ['libldap-2.5-0'],
  'libmagickcore-6.q16-7-extra': ['libmagickcore-6.q16-6-extra', 'libmagickcore-7.q16-10-extra'],
  'libmagickcore-6.q16-7t64': ['libmagickcore-6.q16-6', 'libmagickcore-7.q16-10'],
  'libmagickwand-6.q16-7t64': ['libmagickwand-6.q16-6', 'libmagickwand-7.q16-10'],
  'libmysqlclient-dev': ['libmariadb-dev'],
  'libmysqlclient21': ['libmariadb3'],
  'libsvtav1enc1d1': ['libsvtav1enc1'],
  'ubuntu-keyring': ['debian-archive-keyring'],
}

/** Packages that may have no counterpart, and why that is right. */
const EXPECTED_ABSENT: Readonly<Record<string, string>> = {
  'cpp-13-x86-64-linux-gnu': 'a part of cpp-12',
  'cpp-x86-64-linux-gnu': 'a part of cpp',
  'fonts-dejavu-mono': 'its fonts are in fonts-dejavu-core',
  'g++-13-x86-64-linux-gnu': 'a part of g++-12',
  'g++-x86-64-linux-gnu': 'a part of g++',
  'gcc-13-x86-64-linux-gnu': 'a part of gcc-12',
  'gcc-x86-64-linux-gnu': 'a part of gcc',
  'gir1.2-freedesktop-dev': 'its files are in libgirepository1.0-dev',
  'gir1.2-girepository-2.0': 'GLib before 2.80 has girepository 1.0 alone',
  'gir1.2-girepository-2.0-dev': 'GLib before 2.80 has girepository 1.0 alone',
  'gir1.2-glib-2.0-dev': 'its files are in libgirepository1.0-dev',
  'gobject-introspection-bin': 'a part of gobject-introspection',
  'keyboxd': 'a part of GnuPG 2.4 and newer',
  'libheif-plugin-aomdec': 'built into libheif1',
  'libheif-plugin-libde265': 'built into libheif1',
  'libhwasan0': 'GCC 12 has it for arm64 alone',
  'libsframe1': 'its library is in libbinutils',
  'libsharpyuv-dev': 'a part of libwebp-dev',
  'libsharpyuv0': 'a part of libwebp 1.3 and newer',
  'libwebpdecoder3': 'not packaged apart from libwebp-dev',
  'lto-disabled-list': 'of Ubuntu alone',
  'unminimize': 'of Ubuntu alone',
}

/** The tables as one text: an image that others made is another image. */
export const COUNTERPART_RULES = JSON.stringify([RENAMED, EXPECTED_ABSENT])

/**
 * Finds what stands for a package: the same name; the same without or with the suffix of the 64-bit time transition; a listed
 * other name, here or with the stack; the same library or program under another version number, the newest there is.
 */
export function counterpart(
  wanted: string, available: ReadonlySet<string>, {renamed = {}, absent = {}}: Pick<Stack, 'absent' | 'renamed'> = {},
): Counterpart {
  if (available.has(wanted)) {
    return {kind: 'same', wanted, name: wanted}
  }

  const plain = wanted.replace(/t64$/, '')
  const name = [plain, `${plain}t64`, ...(RENAMED[wanted] ?? renamed[wanted] ?? [])].find(other => available.has(other)) ?? otherVersion(plain, available)
  return name === undefined
    ? {kind: 'none', wanted, reason: EXPECTED_ABSENT[wanted] ?? absent[wanted] ?? 'nothing found'}
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
