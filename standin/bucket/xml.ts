import XMLBuilder from 'fast-xml-builder'
import {XMLParser} from 'fast-xml-parser'
import {SyntaxValidator} from 'fast-xml-validator'
import {S3Error} from './s3-error.ts'

export type XmlValue = XmlElement | boolean | number | string | readonly XmlValue[]
export interface XmlElement {
  readonly [name: string]: XmlValue | undefined
}

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'
const builder = new XMLBuilder({ignoreAttributes: false, attributeNamePrefix: '@', suppressEmptyNode: true})
// Keys may begin with a blank or look like a number; htmlEntities makes the parser resolve `&#13;`.
const parser = new XMLParser({trimValues: false, parseTagValue: false, htmlEntities: true, isArray: name => name === 'Part' || name === 'Object'})

/** An S3 answer. Elements with the value `undefined` are left out. */
export function renderXml(root: string, content: XmlElement): string {
  return render({[root]: {'@xmlns': NAMESPACE, ...content}})
}

/** S3 gives its error documents no namespace. */
export function renderError(content: XmlElement): string {
  return render({Error: content})
}

function render(document: XmlElement): string {
  const xml = builder.build(document)
  // A parser would turn a raw carriage return into a newline, and refuses most other control characters.
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return `<?xml version="1.0" encoding="UTF-8"?>\n${xml}`.replaceAll(/[\u0000-\u0008\u000B-\u001F]/g, character => `&#x${character.charCodeAt(0).toString(16).toUpperCase()};`)
}

/** The content of a request's root element. Anything but well-formed XML with that root is MalformedXML. */
export function parseXml(text: string, root: string): Record<string, unknown> {
  let document: unknown
  try {
    SyntaxValidator.validate(text)
    document = parser.parse(text)
  } catch {
    // Not well-formed, which is answered below.
  }

  const content = isRecord(document) ? document[root] : undefined
  // No document type is ever needed, and entities of one's own are how XML attacks begin.
  if (!isRecord(content) || text.includes('<!DOCTYPE')) {
    throw malformedXml()
  }

  return content
}

export function malformedXml(): S3Error {
  return new S3Error('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema')
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
