// A source that is found changed by its first read, before anything is sent: it is opened again.

import { whenAborted } from './delivery/cancellation.ts'
import { type DirectSource, toDirect } from './sources/source.ts'
import { validateSource } from './validate.ts'

/** Content whose first piece can be read before it is requested. */
interface Beginnable {
  begin(): Promise<unknown>
  cancel(reason?: unknown): void
}

/**
 * Reads the first piece of a source that can be reopened. Resolves to the source, or to what it is
 * now if that read finds it changed. Any other error is left to delivery, which gets it from
 * the content.
 */
export async function readFirst(
  source: DirectSource,
  content: Beginnable,
  { signal }: { readonly signal?: AbortSignal | undefined },
  { whenOver }: { readonly whenOver?: ((callback: () => void) => () => void) | undefined },
): Promise<DirectSource> {
  let isOver = false
  const cancel = () => {
    isOver = true
    content.cancel(signal?.aborted === true ? signal.reason : undefined)
  }
  const unsubscribe = [whenOver?.(cancel), signal && whenAborted(signal, cancel)]
  if (signal?.aborted === true) cancel()
  try {
    await content.begin()
    return source
  } catch (error) {
    const { code } = (error ?? {}) as { code?: unknown }
    if (isOver || code !== 'ERR_SOURCE_CHANGED') return source
  } finally {
    for (const each of unsubscribe) each?.()
  }
  const reopened = await source.reopen!()
  validateSource(reopened)
  return toDirect(reopened)
}
