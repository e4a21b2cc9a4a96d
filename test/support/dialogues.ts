// Two dialogues of clients with a server, to the letter.

import path from 'node:path'
import { expect, it } from 'vitest'
import { pattern, temporaryFolder, writeOldFile } from './fixture.ts'
import { parseByteranges } from './multipart.ts'
import { ask, exchange, field, type RawRequest, type RawResponse } from './raw.ts'

export const large: Buffer = pattern(8_322_278)
const small: Buffer = pattern(1000)

/** Makes a folder of `large.bin` and `small.bin`; to be called while tests are collected. */
export function dialogueFolder(): string {
  const folder = temporaryFolder()
  const modified = new Date('2025-01-01T10:00:00Z')
  writeOldFile(path.join(folder, 'large.bin'), large, modified)
  writeOldFile(path.join(folder, 'small.bin'), small, modified)
  return folder
}

/** As `exchange`, but each request is sent on a connection of its own, after the one before. */
async function askInTurn(port: number, requests: readonly RawRequest[]): Promise<RawResponse[]> {
  const responses: RawResponse[] = []
  for (const request of requests) responses.push(await ask(port, request))
  return responses
}

export interface DialogueOptions {
  /** Whether it closes a connection with a request before an asynchronous response. */
  readonly inTurn?: boolean
  /** Whether it sends large content without its Content-Length. */
  readonly omitsLength?: boolean
  /** Whether it sends all content without its Content-Length. */
  readonly omitsEveryLength?: boolean
}

/** Declares the tests of a server, which `serve` starts or finds, and where the file is there. */
export function holdDialogues(
  serve: (file: 'large.bin' | 'small.bin') => Promise<{ port: number; path: string }>,
  { inTurn = false, omitsLength = false, omitsEveryLength = false }: DialogueOptions = {},
): void {
  const converse = inTurn ? askInTurn : exchange
  const lengthOf = (length: string) => (omitsEveryLength ? undefined : length)
  const largeLength = (length: string) => (omitsLength ? undefined : lengthOf(length))
  it('lets a player read the head of a file, and then the rest of the same file', async () => {
    const { port, path } = await serve('large.bin')
    const head = await ask(port, { path, headers: [['Range', 'bytes=0-32767']] })
    expect(head.status).toBe(206)
    expect(field(head, 'Content-Length')).toBe(lengthOf('32768'))
    expect(field(head, 'Content-Range')).toBe('bytes 0-32767/8322278')
    expect(field(head, 'Accept-Ranges')).toBe('bytes')
    expect(field(head, 'Last-Modified')).toBe('Wed, 01 Jan 2025 10:00:00 GMT')
    const etag = field(head, 'ETag')!
    expect(etag).toMatch(/^"[^"]+"$/)

    const [again, rest] = await converse(port, [
      { path, headers: [['Range', 'bytes=0-32767']] },
      { path, headers: [['Range', 'bytes=32768-8322277'], ['If-Range', etag]] }, // prettier-ignore
    ])
    expect(rest!.status).toBe(206)
    expect(field(rest!, 'Content-Length')).toBe(largeLength('8289510'))
    expect(field(rest!, 'Content-Range')).toBe('bytes 32768-8322277/8322278')
    expect(field(rest!, 'ETag')).toBe(etag)
    expect(Buffer.concat([again!.content, rest!.content]).equals(large)).toBe(true)
  })

  it('sends the full response if the rest would be of another file', async () => {
    const { port, path } = await serve('large.bin')
    const [, whole] = await converse(port, [
      { path, headers: [['Range', 'bytes=0-32767']] },
      { path, headers: [['Range', 'bytes=32768-8322277'], ['If-Range', '"another"']] }, // prettier-ignore
    ])
    expect(whole!.status).toBe(200)
    expect(field(whole!, 'Content-Range')).toBeUndefined()
    expect(field(whole!, 'Content-Length')).toBe(largeLength('8322278'))
    expect(whole!.content.equals(large)).toBe(true)
  })

  const single: [range: string, firstPos: number, lastPos: number][] = [
    ['0-500', 0, 500],
    ['0-1', 0, 1],
    ['-200', 800, 999],
    ['500-600,601-999', 500, 999],
  ]
  it.each(single)(
    'responds to %s of 1000 bytes with one part',
    async (range, firstPos, lastPos) => {
      const { port, path } = await serve('small.bin')
      const response = await ask(port, { path, headers: [['Range', `bytes=${range}`]] })
      expect(response.status).toBe(206)
      expect(field(response, 'Content-Range')).toBe(`bytes ${firstPos}-${lastPos}/1000`)
      expect(field(response, 'Content-Length')).toBe(lengthOf(String(lastPos - firstPos + 1)))
      expect(response.content.equals(small.subarray(firstPos, lastPos + 1))).toBe(true)
    },
  )

  const several: [range: string, ranges: [number, number][]][] = [
    ['123-567,789-', [[123, 567], [789, 999]]], // prettier-ignore
    ['0-0,-1', [[0, 0], [999, 999]]], // prettier-ignore
  ]
  it.each(several)('responds to %s of 1000 bytes with two parts', async (range, ranges) => {
    const { port, path } = await serve('small.bin')
    const response = await ask(port, { path, headers: [['Range', `bytes=${range}`]] })
    expect(response.status).toBe(206)
    expect(field(response, 'Content-Range')).toBeUndefined()
    const parts = parseByteranges(field(response, 'Content-Type')!, response.content)
    expect(parts.map(({ contentRange }) => contentRange)).toEqual(
      ranges.map(([firstPos, lastPos]) => `bytes ${firstPos}-${lastPos}/1000`),
    )
    expect(parts.map(({ content }) => [...content])).toEqual(
      ranges.map(([firstPos, lastPos]) => [...small.subarray(firstPos, lastPos + 1)]),
    )
  })

  it('ignores a reversed range', async () => {
    const { port, path } = await serve('small.bin')
    const response = await ask(port, { path, headers: [['Range', 'bytes=5-2']] })
    expect(response.status).toBe(200)
    expect(response.content.equals(small)).toBe(true)
  })

  it.each(['1000-', '-0'])('cannot satisfy %s of 1000 bytes', async (range) => {
    const { port, path } = await serve('small.bin')
    const response = await ask(port, { path, headers: [['Range', `bytes=${range}`]] })
    expect(response.status).toBe(416)
    expect(field(response, 'Content-Range')).toBe('bytes */1000')
    expect(response.content.length).toBe(0)
  })
}
