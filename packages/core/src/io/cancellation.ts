/** An abort signal that is only made where somebody listens: making and aborting one is not cheap. */
export class Cancellation {
  #aborter: AbortController | undefined
  #cancelled: { readonly reason: unknown } | undefined
  /** Is told when it is cancelled. */
  onCancel: ((reason: unknown) => void) | undefined

  get signal(): AbortSignal {
    this.#aborter ??= new AbortController()
    if (this.#cancelled) this.#aborter.abort(this.#cancelled.reason)
    return this.#aborter.signal
  }

  /** @param reason why, where it was not the client that left */
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
