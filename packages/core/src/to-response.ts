import { whenAborted } from './delivery/cancellation.ts'
import type { Content } from './delivery/content.ts'
import { maxPiece, toWebResponse, type WebContent } from './delivery/web-response.ts'
import type { Servable } from './open.ts'
import type { SendOptions } from './options.ts'
import { prepare } from './prepare.ts'
import { toTarget } from './prepare-bytes.ts'

/**
 * Makes the `Response` to a web `Request` for a source, for a `fetch` handler: Hono, h3, Next,
 * SvelteKit, Deno, Bun.
 *
 * Its body is read from the source as it is requested, one piece of memory at a time. The source is
 * closed at its end, when the body is cancelled, and when the signal of the request or of the
 * options aborts: a body that is not read must be cancelled. The body fails if the source fails later
 * or runs short.
 *
 * @throws TypeError or RangeError with a `code`, by rejecting: it can never be served
 * @throws SourceError with `status` and `code`, by rejecting
 *
 * @example
 * export default { fetch: (request) => toResponse(request, '/srv/clip.mp4') }
 */
export async function toResponse(
  request: Request,
  servable: Servable,
  options: SendOptions = {},
): Promise<Response> {
  const context = {
    set: () => undefined,
    inTurn: true,
    pooled: false,
    maxPiece,
    whenOver: (callback: () => void) => whenAborted(request.signal, callback),
  }
  const prepared = await prepare(toTarget(request), servable, options, context)
  const content = toWebContent(prepared.content)
  return toWebResponse({ ...prepared, content }, request, options.signal)
}

function toWebContent(content: Content): WebContent {
  return {
    length: content.length,
    isPrompt: content.isReadAtRandom || content.slice !== undefined,
    pieces: () => readPieces(content),
    cancel: (reason) => content.cancel(reason),
    close: (ending) => content.close(ending),
  }
}

async function* readPieces(content: Content): AsyncGenerator<Uint8Array> {
  const whole = content.whole()
  if (whole) {
    yield toOwn(await whole, content)
    return
  }
  for (let missing = content.length; missing > 0;) {
    const piece = await content.next()
    // The end of content whose length was not known.
    if (!piece) return
    missing -= piece.length
    yield toOwn(piece, content)
  }
}

/** A piece in memory that holds nothing else: the reader of a stream may transfer it. */
function toOwn(piece: Uint8Array, { reuses }: Content): Uint8Array {
  const isOwn = !reuses && piece.byteLength === piece.buffer.byteLength
  return isOwn ? piece : new Uint8Array(piece)
}
