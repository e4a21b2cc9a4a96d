// How users of @range-serve/http and @range-serve/s3 write it.

import { createServer } from 'node:http'
import { serve, type Source } from '@range-serve/core'
import { fromHttp, type HttpOptions } from '@range-serve/http'
import { fromS3 } from '@range-serve/s3'

const options: HttpOptions = { metadataTtl: 60_000, headers: [['X-Key', 'k']], retries: 1 }
const clip: Promise<Source> = fromHttp('http://127.0.0.1/clip.mp4', options)
const signed = fromHttp(async ({ signal }) => ({ url: await sign(signal), headers: { a: 'b' } }))
const known = fromHttp(new URL('http://127.0.0.1/'), { meta: { length: 1, etag: '"v1"' }, fetch })

class Facade {
  async headObject(_input: { Bucket: string | undefined }): Promise<{ ContentLength?: number }> {
    return { ContentLength: 1 }
  }
  async getObject(_input: { Range?: string | undefined }): Promise<{ Body?: unknown }> {
    return {}
  }
}
const object = fromS3({ client: new Facade(), Bucket: 'media', Key: 'clip.mp4' })

async function sign(signal: AbortSignal): Promise<string> {
  signal.throwIfAborted()
  return 'http://127.0.0.1/'
}

createServer((request, response) => {
  for (const source of [clip, signed, known, object]) void serve(request, response, source)
})
