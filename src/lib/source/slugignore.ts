/**
 * `.slugignore` as Heroku's slug compiler applies it, which is not as .gitignore: patterns are separated by
 * any white space, `#` ends a pattern anywhere, one with a slash is anchored at the root, one without holds in
 * every folder, and they are Ruby's globs, whose wildcards pass over names that begin with a dot. There is no `!`.
 * https://devcenter.heroku.com/articles/slug-compiler#ignoring-files-with-slugignore and the slug compiler that
 * Heroku once published (prune_slugignore: File.read.split, then Dir[] and rm_rf).
 */
export function parseSlugignore(text: string): RegExp[] {
  return text.split(/\s+/)
    .map(word => word.split('#', 1)[0] ?? '')
    .filter(word => word !== '')
    .flatMap(pattern => expandBraces(pattern))
    .map(pattern => globToRegExp(pattern.includes('/') ? pattern : `**/${pattern}`))
}

/** Whether the file, or a folder it lies in, is removed. */
export function isIgnored(file: string, rules: readonly RegExp[]): boolean {
  const parts = file.split('/')
  return parts.some((_, index) => {
    const isFolder = index < parts.length - 1
    const prefix = parts.slice(0, index + 1).join('/')
    // A pattern with a slash at its end matches folders alone.
    return rules.some(rule => rule.test(isFolder ? `${prefix}/` : prefix))
  })
}

/** `a{b,c{d,e}}` → `ab`, `acd`, `ace`; a brace without its partner stands for itself. */
function expandBraces(pattern: string): string[] {
  const open = pattern.search(/(?<!\\)\{/)
  if (open === -1) return [pattern]
  const commas: number[] = []
  let depth = 0
  for (let index = open; index < pattern.length; index += 1) {
    const character = pattern[index]
    if (character === '\\') index += 1
    else if (character === '{') depth += 1
    else if (character === ',' && depth === 1) commas.push(index)
    else if (character === '}' && --depth === 0) {
      const bounds = [open, ...commas, index]
      return bounds.slice(1).flatMap((end, nth) =>
        expandBraces(pattern.slice(0, open) + pattern.slice((bounds[nth] ?? 0) + 1, end) + pattern.slice(index + 1)))
    }
  }

  return [pattern]
}

function globToRegExp(glob: string): RegExp {
  const folderOnly = glob.endsWith('/')
  const segments = glob.split('/').filter(segment => segment !== '' && segment !== '.')
  const source = segments.map((segment, index) => {
    const isLast = index === segments.length - 1
    if (segment === '**' && !isLast) return String.raw`(?:(?!\.)[^/]+/)*`
    return segmentToRegExp(segment) + (isLast ? '' : '/')
  }).join('')
  try {
    return new RegExp(`^${source}${folderOnly ? '/' : '/?'}$`, 'u')
  } catch {
    // A set whose range runs backwards, [z-a], matches nothing in Ruby either.
    return /(?!)/
  }
}

function segmentToRegExp(segment: string): string {
  const wildcardFirst = /^[*?[]/.test(segment)
  let source = wildcardFirst ? String.raw`(?!\.)` : ''
  for (let index = 0; index < segment.length; index += 1) {
    const character = segment[index] ?? ''
    if (character === '*') source += '[^/]*'
    else if (character === '?') source += '[^/]'
    else if (character === '[' && segment.includes(']', index + 2)) {
      const close = segment.indexOf(']', index + 2)
      source += setToRegExp(segment.slice(index + 1, close))
      index = close
    } else if (character === '\\' && index + 1 < segment.length) {
      index += 1
      source += literal(segment[index] ?? '')
    } else source += literal(character)
  }

  return source
}

function setToRegExp(set: string): string {
  const negated = /^[!^]/.test(set)
  const members = (negated ? set.slice(1) : set).replaceAll(/[\\\][^]/g, String.raw`\$&`)
  return negated ? `[^/${members}]` : `[${members}]`
}

function literal(character: string): string {
  return character.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)
}
