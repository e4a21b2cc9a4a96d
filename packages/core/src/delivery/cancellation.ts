/**
 * An abort signal that is created only if something listens: creating and aborting one is
 * expensive.
 */
export class Cancellation {
  #aborter: AbortController | undefined
  #cancelled: { readonly reason: unknown } | undefined
  /** Called when it is cancelled. */
  onCancel: ((reason: unknown) => void) | undefined

  get signal(): AbortSignal {
    this.#aborter ??= new AbortController()
    if (this.#cancelled) this.#aborter.abort(this.#cancelled.reason)
    return this.#aborter.signal
  }

  /** @param reason the reason, unless the client has disconnected */
  cancel(reason?: unknown): void {
    if (this.#cancelled) return
    this.#cancelled = { reason }
    this.#aborter?.abort(reason)
    this.onCancel?.(reason)
  }

  throwIfCancelled(): void {
    if (this.#cancelled) this.signal.throwIfAborted()
  }
}

/** The callbacks that wait for one signal. */
class Waiting {
  readonly callbacks: Set<() => void> = new Set()
  readonly listener = (): void => {
    for (const callback of this.callbacks) callback()
  }
}

/** One signal may end all responses of a server, and Node warns of more than ten listeners. */
const waiting = new WeakMap<AbortSignal, Waiting>()

/** Calls back when a signal aborts. Returns an unsubscribe function. */
export function whenAborted(signal: AbortSignal, callback: () => void): () => void {
  const { callbacks, listener } = waiting.get(signal) ?? new Waiting()
  if (callbacks.size === 0) {
    waiting.set(signal, { callbacks, listener })
    signal.addEventListener('abort', listener)
  }
  callbacks.add(callback)
  return () => {
    callbacks.delete(callback)
    if (callbacks.size === 0) signal.removeEventListener('abort', listener)
  }
}
