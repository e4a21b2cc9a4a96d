// The ways to serve a representation: by `sendRange`, and through the filters.

import fs from 'node:fs'
import path from 'node:path'
import { pipeline, Readable } from 'node:stream'
import express5 from 'express'
import {
  fromBlob,
  fromBuffer,
  fromFile,
  fromReader,
  fromStream,
  type Servable,
} from '@range-serve/core'
import { pattern, temporaryFolder, writeOldFile } from '../support/fixture.ts'
import { type Case, lastModified, longest } from './cases.ts'

export const bytes = pattern(longest)
const folder = temporaryFolder()

/** The options of `sendRange`. */
export const optionsOf = ({ maxResponse }: Case) =>
  maxResponse === undefined ? {} : { maxResponse }
export const contentOf = ({ length }: Case): Buffer => bytes.subarray(0, length)
const metadata = ({ etag, type }: Case) => ({ etag, type, lastModified })

function filePath({ length }: Case): string {
  const file = path.join(folder, `${length}.bin`)
  if (!fs.existsSync(file)) writeOldFile(file, bytes.subarray(0, length), lastModified)
  return file
}

/** Bytes in chunks of arbitrary sizes, some empty, now and then in a separate turn. */
async function* inChunks(content: Uint8Array, { chunks }: Case): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < content.length; i++) {
    const chunk = chunks[i % chunks.length]!
    // At most a few hundred chunks.
    const size = chunk === 0 ? 0 : Math.max(chunk, Math.ceil(content.length / 300))
    yield content.subarray(at, at + size)
    at += size
    if (i % 16 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
}
const toStream = (asked: Case): Readable =>
  Readable.from(inChunks(contentOf(asked), asked), { objectMode: false })

/** Created for one response by `sendRange`. */
export const sources: Record<string, (asked: Case) => Servable | Promise<Servable>> = {
  'a Buffer': (asked) => fromBuffer(contentOf(asked), metadata(asked)),
  'a Blob': (asked) => fromBlob(new Blob([new Uint8Array(contentOf(asked))]), metadata(asked)),
  'a file': (asked) => fromFile(filePath(asked), metadata(asked)),
  'a one-pass stream': (asked) =>
    fromStream(toStream(asked), { length: asked.length, ...metadata(asked) }),
  'a one-pass generator': (asked) =>
    fromStream(inChunks(contentOf(asked), asked), { length: asked.length, ...metadata(asked) }),
  'a one-pass web stream': (asked) =>
    fromStream(Readable.toWeb(toStream(asked)), { length: asked.length, ...metadata(asked) }),
  'a stream opened at a range': (asked) =>
    fromStream(({ firstPos }) => inChunks(contentOf(asked).subarray(firstPos), asked), {
      length: asked.length,
      ...metadata(asked),
    }),
  'a reader in short reads': (asked) =>
    fromReader({
      length: asked.length,
      ...metadata(asked),
      read: async ({ firstPos, lastPos }) =>
        inChunks(contentOf(asked).subarray(firstPos, lastPos + 1), asked),
    }),
  'a reader with a maxRead': (asked) =>
    fromReader({
      length: asked.length,
      ...metadata(asked),
      maxRead: Math.max(1, Math.ceil(asked.length / 20)),
      read: async ({ firstPos, lastPos }) => contentOf(asked).subarray(firstPos, lastPos + 1),
    }),
  'a reader that returns more': (asked) =>
    fromReader({
      length: asked.length,
      ...metadata(asked),
      read: async ({ firstPos }) => bytes.subarray(firstPos),
    }),
}

/** Sent by the methods of Express, for the filter. */
export const expressHandlers: Record<string, (asked: Case, response: express5.Response) => void> = {
  'res.send': (asked, response) => void response.send(contentOf(asked)),
  'res.end': (asked, response) => void response.end(contentOf(asked)),
  'a one-pass pipe': (asked, response) => {
    response.setHeader('Content-Length', asked.length)
    toStream(asked).pipe(response)
  },
  'a one-pass pipeline': (asked, response) => {
    response.setHeader('Content-Length', asked.length)
    pipeline(toStream(asked), response, (error) => error && response.destroy(error))
  },
  'one-pass writes': (asked, response) => {
    response.writeHead(200, { 'Content-Length': asked.length })
    void (async () => {
      for await (const chunk of inChunks(contentOf(asked), asked)) response.write(chunk)
      response.end()
    })()
  },
}

/** Set as the body of Koa, for the filter. */
export const koaBodies: Record<string, (asked: Case) => unknown> = {
  'a body of bytes': contentOf,
  'a body that is a file stream': (asked) => fs.createReadStream(filePath(asked)),
  'a one-pass body': toStream,
}
export const koa3Bodies: Record<string, (asked: Case) => unknown> = {
  ...koaBodies,
  'a body that is a Blob': (asked) => new Blob([new Uint8Array(contentOf(asked))]),
  'a one-pass web body': (asked) => Readable.toWeb(toStream(asked)),
}
