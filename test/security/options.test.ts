// Text in header fields: it never begins another line, and is read back unchanged.

import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { fromBuffer, respond, type SendOptions } from '@range-serve/core'
import { bytes, range } from '../support/files.ts'
import { frameworks, type Sent } from '../support/frameworks.ts'
import { parseByteranges } from '../support/multipart.ts'
import { ask, field } from '../support/raw.ts'

const injections = ['\r\nSet-Cookie: a=b', '\nSet-Cookie: a=b', '\rSet-Cookie: a=b', '\r\n\r\n<script>', '\0', '\x0b', '\x7f', '\u2028', '\u560d\u560a', '\u0100', '\ud800'] // prettier-ignore

const options: [what: string, code: string, make: (text: string) => SendOptions][] = [
  ['type', 'ERR_INVALID_FIELD', (text) => ({ type: `text/plain${text}` })],
  ['etag', 'ERR_INVALID_ETAG', (text) => ({ etag: `"v1${text}"` })],
  ['cacheControl', 'ERR_INVALID_FIELD', (text) => ({ cacheControl: `public${text}` })],
  ['a field', 'ERR_INVALID_FIELD', (text) => ({ headers: { 'X-Field': `a${text}` } })],
  ['a field of several lines', 'ERR_INVALID_FIELD', (text) => ({ headers: { 'X-Field': ['a', text] } })],
  ['the name of a field', 'ERR_INVALID_FIELD', (text) => ({ headers: { [`X-Field${text}`]: 'a' } })],
] // prettier-ignore

const request = { method: 'GET', headers: {} }
const content = bytes.subarray(0, 10)
const describeText = (text: string) => JSON.stringify(text)

describe('text that would begin another field line', () => {
  const rows = options.flatMap(([what, code, make]) =>
    injections.map((text) => [what, describeText(text), code, make(text)] as const),
  )
  it.each(rows)('is refused in %s: %s', async (_what, _text, code, refused) => {
    const call = async () => respond(request, content, refused)
    await expect(call()).rejects.toThrow(TypeError)
    await expect(call()).rejects.toMatchObject({ code })
  })

  it.each([' v1', '"v1', 'v1"', '"v"1"', 'W/v1', 'w/"v1"', '"v 1"', '', '"v1", "v2"'])(
    'is refused if it is not an entity-tag: %j',
    async (etag) => {
      await expect((async () => respond(request, content, { etag }))()).rejects.toMatchObject({
        code: 'ERR_INVALID_ETAG',
      })
    },
  )
})

describe.each(frameworks)('%s', (_name, start) => {
  let running: Sent
  afterEach(() => running.close())

  it(
    'sends every file name on one line, from which it can be read back',
    { timeout: 60_000 },
    async () => {
      let filename = ''
      running = await start(() => fromBuffer(bytes.subarray(0, 1)), {
        get filename() {
          return filename
        },
      })
      const odd = fc.constantFrom('\r\n', '\n', '\0', '"', '\\', '%', '%41', ';', "'", '/', ' ', '.', 'é', '€', '😀', '\x7f', '\u202e', '=', ',') // prettier-ignore
      const character = fc.oneof(odd, fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme' }))
      const name = fc.array(character, { minLength: 1, maxLength: 12 }).map((all) => all.join(''))
      await fc.assert(
        fc.asyncProperty(name, async (given) => {
          filename = given
          const response = await ask(running.port, {})
          expect(response.status).toBe(200)
          expect(response.fields.has('set-cookie')).toBe(false)
          // Only the last component of a path is a name, on every system.
          const last = given.split(/[/\\]/).findLast((component) => component !== '') ?? ''
          expect(filenameOf(field(response, 'Content-Disposition')!)).toBe(last)
        }),
        { numRuns: 150 },
      )
    },
  )

  it('makes a boundary for each response, unpredictable from earlier ones', async () => {
    // The boundary of one response is in the content of the next.
    const content = Buffer.from(bytes.subarray(0, 10_000))
    running = await start(() => content)
    const boundaries: string[] = []
    for (let i = 0; i < 60; i++) {
      const response = await ask(running.port, range('0-99,9000-9099'))
      const contentType = field(response, 'Content-Type')!
      const [first, second] = parseByteranges(contentType, response.content)
      expect(first!.content.equals(content.subarray(0, 100))).toBe(true)
      expect(second!.content.equals(content.subarray(9000, 9100))).toBe(true)
      const boundary = /boundary=([0-9a-z]+)$/.exec(contentType)![1]!
      boundaries.push(boundary)
      content.write(`\r\n--${boundary}--\r\n`, 10, 'latin1')
    }
    expect(new Set(boundaries).size).toBe(boundaries.length)
    // 96 bits in pairs of characters, a byte each: every pair takes many values, and all together most.
    const pairs = boundaries.map((boundary) => boundary.match(/../g)!)
    for (let at = 0; at < 12; at++) {
      expect(new Set(pairs.map((all) => all[at])).size, `pair ${at}`).toBeGreaterThan(30)
    }
    expect(new Set(pairs.flat()).size).toBeGreaterThan(200)
  })
})

/** A file name as a client reads it: RFC 8187 if present, otherwise the token or quoted-string. */
function filenameOf(disposition: string): string {
  const extended = /filename\*=UTF-8''([^;\s]*)/.exec(disposition)?.[1]
  if (extended !== undefined) return decodeURIComponent(extended)
  const quoted = /filename="((?:[^"\\]|\\.)*)"/.exec(disposition)?.[1]
  if (quoted !== undefined) return quoted.replace(/\\(.)/g, '$1')
  return /filename=([^;\s]*)/.exec(disposition)?.[1] ?? ''
}
