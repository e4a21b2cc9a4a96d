// The representation that every server has, and the ways to hold it.

import fs from 'node:fs'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import {
  fromBlob,
  fromBuffer,
  fromFile,
  fromReader,
  fromStream,
  type SendOptions,
  type Servable,
} from '@range-serve/core'
import { pattern, temporaryFolder, writeOldFile } from '../support/fixture.ts'
import { representation } from './requirements.ts'

export const bytes = pattern(representation.length)
export const folder = temporaryFolder()
export const fileName = 'representation.bin'
export const filePath = path.join(folder, fileName)
writeOldFile(filePath, bytes, representation.lastModified)

const { type, etag, lastModified, cacheControl } = representation
export const metadata: SendOptions = { type, etag, lastModified }

/** A new source for each response, by name. */
export const sources: Record<string, () => Servable | Promise<Servable>> = {
  'a path': () => filePath,
  'a file: URL': () => pathToFileURL(filePath),
  'a FileHandle': () => open(filePath),
  fromFile: () => fromFile(filePath),
  'a Uint8Array': () => new Uint8Array(bytes),
  'a Buffer': () => fromBuffer(bytes),
  'a Blob': () => fromBlob(new Blob([new Uint8Array(bytes)])),
  'a one-pass stream': () => fromStream(slowly(bytes), { length: bytes.length }),
  'a web stream': () => fromStream(Readable.toWeb(slowly(bytes)), { length: bytes.length }),
  'a stream opened at a range': () =>
    fromStream(({ firstPos }) => fs.createReadStream(filePath, { start: firstPos }), {
      length: bytes.length,
    }),
  fromReader: () =>
    fromReader({
      length: bytes.length,
      read: async ({ firstPos, lastPos }) => bytes.subarray(firstPos, lastPos + 1),
    }),
  'fromReader in small reads': () =>
    fromReader({
      length: bytes.length,
      maxRead: 1000,
      read: async ({ firstPos, lastPos }) => bytes.subarray(firstPos, lastPos + 1),
    }),
}
export const isOnePass = (source: string) =>
  source === 'a one-pass stream' || source === 'a web stream'

/** A stream in chunks of uneven sizes, each in a turn of its own. */
export function slowly(content: Buffer): Readable {
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0, size = 1; at < content.length; at += size, size = (size * 7 + 3) % 1500) {
      yield content.subarray(at, at + size)
    }
  }
  return Readable.from(chunks(), { objectMode: false })
}

/** FileHandles that stay open after a response, since the caller closes them. */
export async function withSource<T>(
  make: () => Servable | Promise<Servable>,
  send: (source: Servable) => Promise<T>,
): Promise<T> {
  const source = await make()
  try {
    return await send(source)
  } finally {
    if (isClosable(source)) await source.close()
  }
}

export function isClosable(source: Servable): source is Awaited<ReturnType<typeof open>> {
  return typeof source === 'object' && 'fd' in source && 'stat' in source
}

export const folderOptions = { etag, cacheControl } as const
/** A store that has the same source under every path. */
export const find = () => fromBuffer(bytes, { type, etag, lastModified })
export const storeOptions = { cacheControl } as const

/** Fields that an application sets before. */
export const fields: [string, string][] = [
  ['Cache-Control', cacheControl],
  ['Vary', 'Origin'],
  ['Access-Control-Allow-Origin', '*'],
]
/** Fields that describe the representation, for the filter. */
export const describing: [string, string][] = [
  ['Content-Type', type],
  ['ETag', etag],
  ['Last-Modified', lastModified.toUTCString()],
]
