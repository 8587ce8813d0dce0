import {EXIT, NixError} from '../errors.ts'
import {fromBytes, fromText, toText, type ByteString} from '../slug/byte-string.ts'
import type {Rule, Rules, RuleWarning} from './rules.ts'

/** rsync's MAXPATHLEN on Linux: it drops a longer pattern with a message and goes on. */
const PATTERN_LIMIT = 4096

/**
 * Reads a `.slugexclude` as `rsync --exclude-from` reads it: a line is a pattern to exclude, or `- PATTERN`,
 * `+ PATTERN`, `!` (forget the rules above), a comment (`#` or `;` first), or empty. There are no other modifiers.
 * @param text the file's bytes, or its text
 * @throws NixError BAD_SLUGEXCLUDE with line and column where rsync gives up too
 */
export function parseRules(text: string | Uint8Array, {file = '.slugexclude'}: {file?: string} = {}): Rules {
  const bytes = typeof text === 'string' ? fromText(text) : fromBytes(text)
  const warnings: RuleWarning[] = []
  const cleared: Rule[] = []
  let rules: Rule[] = []

  for (const {line, content} of splitLines(bytes)) {
    if (content === '' || content.startsWith('#') || content.startsWith(';')) continue
    if (content === '!') {
      cleared.push(...rules)
      rules = []
      continue
    }

    const rule = parseRule(content, {file, line})
    if (content.replace(/^[+-] /, '').length >= PATTERN_LIMIT) {
      warnings.push({line, message: `the pattern has ${PATTERN_LIMIT} bytes or more: rsync ignores it, and so does this program`})
      continue
    }

    rules.push(rule)
    const message = oddity(rule)
    if (message) warnings.push({line, message})
  }

  return {file, rules, cleared, warnings}
}

/** A line ends with LF, CR or CRLF; as in rsync, nothing counts that follows a NUL. */
function splitLines(bytes: ByteString): {line: number; content: ByteString}[] {
  return bytes.split(/\r\n|\r|\n/).map((content, index) => ({
    line: index + 1,
    content: (content.includes('\0') ? content.slice(0, content.indexOf('\0')) : content) as ByteString,
  }))
}

function parseRule(content: ByteString, {file, line}: {file: string; line: number}): Rule {
  const prefixed = content.startsWith('+ ') || content.startsWith('- ')
  const pattern = (prefixed ? content.slice(2) : content) as ByteString
  if (pattern === '') {
    throw new NixError(`${file} line ${line}, column 3: a pattern must follow "${content}".`, {
      code: 'BAD_SLUGEXCLUDE', exit: EXIT.project,
      suggestions: [`edit line ${line} of ${file}: "${content}PATTERN", or delete the line`],
    })
  }

  const directoryOnly = pattern.length > 1 && pattern.endsWith('/')
  return {
    line,
    text: toText(content),
    include: content.startsWith('+ '),
    pattern: (directoryOnly ? pattern.slice(0, -1) : pattern) as ByteString,
    directoryOnly,
  }
}

/** What rsync takes without a word, though it hardly is what was meant. */
function oddity(rule: Rule): string | null {
  if (rule.line === 1 && rule.text.startsWith('\uFEFF')) return 'the file begins with a byte order mark, which is taken as part of the pattern'
  if (/^[ \t]/.test(rule.text)) return 'the line begins with white space, which is taken as part of the pattern'
  if (/[ \t]$/.test(rule.text)) return 'the line ends with white space, which is taken as part of the pattern'
  if (/^[+-][^ ]* /.test(rule.text) && !/^[+-] /.test(rule.text)) {
    return `"${rule.text.slice(0, rule.text.indexOf(' '))}" is taken as part of the pattern: modifiers mean nothing in this kind of file`
  }

  return null
}
