// What can be opened without a file system.

import { isStream } from './refuse.ts'
import { fromBlob } from './sources/blob.ts'
import { fromBuffer } from './sources/buffer.ts'
import {
  type DirectSource,
  hasDescriptor,
  isPromise,
  isSource,
  toDirect,
} from './sources/source.ts'
import { validateSource } from './validate.ts'

/**
 * Makes a source of bytes in memory, or takes one as it is; `undefined` for any other value.
 *
 * @throws TypeError or RangeError, for a source that can never be served
 */
export function openBytes(value: unknown): DirectSource | undefined {
  if (value instanceof Uint8Array) return toDirect(fromBuffer(value))
  if (value instanceof Blob) return toDirect(fromBlob(value))
  if (!isSource(value) || isStream(value) || hasDescriptor(value)) return undefined
  validateSource(value)
  return toDirect(value)
}

/** Opens what a promise resolves to, and closes it if it can never be served. */
export function openSettled<T>(
  promise: PromiseLike<T>,
  open: (settled: T) => DirectSource | Promise<DirectSource>,
): Promise<DirectSource> {
  return Promise.resolve(promise).then((settled) => {
    try {
      return open(settled)
    } catch (error) {
      closeUnsent(settled)
      throw error
    }
  })
}

/**
 * Closes a value that was passed to be sent, if it is a source: nothing else closes it. The error
 * of a promise that rejects is ignored.
 */
export function closeUnsent(servable: unknown): void {
  if (isPromise(servable)) {
    Promise.resolve(servable).then(closeUnsent, () => {})
    return
  }
  if (!isSource(servable) || hasDescriptor(servable)) return
  try {
    const source = toDirect(servable)
    closeReplacement(source)
    Promise.resolve(source.close?.(true)).catch(() => {})
  } catch {
    // It was not a source of bytes after all.
  }
}

/** Closes the replacement of a source once it is known. */
export function closeReplacement(source: DirectSource): void {
  source.actual?.then(
    (actual) => (actual === source ? undefined : actual.close?.(true)),
    () => {},
  )
}
