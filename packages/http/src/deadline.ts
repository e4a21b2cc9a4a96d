// Waiting, bounded by a time and by a signal. The platform's own time-outs do not run while a slow
// client is not reading, and some have none.

/** How long a wait may last. */
export interface Deadline {
  /** In milliseconds; `Infinity` for no limit. */
  readonly ms: number
  readonly signal: AbortSignal | undefined
  /** Makes the error of a wait that lasts too long. */
  readonly late: () => Error
}

/** Settles as the promise does, unless the time or the signal ends the wait first. */
export function settled<T>(promise: Promise<T>, { ms, signal, late }: Deadline): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    const abort = () => {
      end()
      reject(signal!.reason)
    }
    const timer = ms === Infinity ? undefined : setTimeout(() => (end(), reject(late())), ms)
    promise.then(resolve, reject).finally(end)
    if (signal?.aborted === true) abort()
    else signal?.addEventListener('abort', abort)
  })
}

/** What was begun within a deadline. */
export interface Begun<T> {
  readonly value: T
  /** Cancels what is still under way. */
  readonly cancel: () => void
}

/**
 * Begins work that takes a signal, and cancels it if it takes too long.
 *
 * @param discard cancels a value that comes too late
 */
export async function within<T>(
  deadline: Deadline,
  begin: (signal: AbortSignal) => Promise<T>,
  discard: (value: T) => void,
): Promise<Begun<T>> {
  deadline.signal?.throwIfAborted()
  const aborter = new AbortController()
  const working = begin(aborter.signal)
  try {
    const value = await settled(working, deadline)
    return { value, cancel: () => aborter.abort() }
  } catch (error) {
    aborter.abort()
    working.then(discard, () => {})
    throw error
  }
}

/** Waits; rejects if the signal aborts meanwhile. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const waiting = new Promise<void>((resolve) => void setTimeout(resolve, ms))
  return settled(waiting, { ms: Infinity, signal, late: () => new Error('Never late') })
}
