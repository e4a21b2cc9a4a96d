import type { Readable } from 'node:stream'

interface ReadContent {
  readonly content: Buffer
  readonly isComplete: boolean
  readonly fault?: string | undefined
}

/**
 * Reads a body up to a limit. What is longer is not read: the caller destroys it.
 *
 * @param timeout in milliseconds, for all of it
 * @param declared the Content-Length, which messages mention
 */
export function readContent(
  body: Readable,
  limit: number,
  timeout: number,
  declared: number | undefined,
): Promise<ReadContent> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    const finish = (isComplete: boolean, fault?: string): void => {
      clearTimeout(timer)
      body.pause()
      resolve({ content: Buffer.concat(chunks).subarray(0, limit), isComplete, fault })
    }
    const progress = (): string =>
      declared === undefined ? `${length} bytes` : `${length} of ${declared} bytes`
    const timer = setTimeout(
      () => finish(false, `sends nothing more after ${progress()}, within ${timeout} ms`),
      timeout,
    )
    body.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length > limit) finish(false)
    })
    body.on('end', () => finish(true))
    body.on('error', () => finish(false, `breaks off after ${progress()}`))
    body.on('aborted', () => finish(false, `breaks off after ${progress()}`))
    body.on('close', () => finish(false, `breaks off after ${progress()}`))
  })
}
