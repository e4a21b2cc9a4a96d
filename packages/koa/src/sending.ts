// A call of `ctx.sendRange`, awaited or not.

import type { PendingTransfer } from './send.ts'

/**
 * What `ctx.sendRange` returns: a promise that knows whether it is awaited. If the handler does not
 * await it, `rangeServe` does, and reports its error too.
 */
export class Sending extends Promise<PendingTransfer> {
  /** Promises derived from it are ordinary ones. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  isAwaited = false
  isSettled = false
  /** Whether its response must not be set any more. */
  isDropped = false
  /** Whether the handler has set a body since the call. */
  declare isReplaced: () => boolean

  /** Begins a call. */
  static of(work: Promise<PendingTransfer>, isReplaced: () => boolean): Sending {
    const sending = new Sending((resolve, reject) => {
      work.then(resolve, reject)
    })
    sending.isReplaced = isReplaced
    const settle = () => {
      sending.isSettled = true
    }
    // Also keeps the process alive if it is not awaited: `rangeServe` reports the error.
    work.then(settle, settle)
    void Promise.prototype.then.call(sending, undefined, () => {})
    return sending
  }

  /** Waits until it has settled, unless the handler knows its outcome already. */
  settle(): Promise<unknown> | undefined {
    if (!this.isAwaited) return this
    return this.isSettled ? undefined : this.catch(() => {})
  }

  /** Keeps it from setting a response, now that another one is sent. */
  drop(): undefined {
    if (!this.isSettled) this.isDropped = true
  }

  // `await` calls it as well: the constructor is not that of an ordinary promise.
  // oxlint-disable-next-line unicorn/no-thenable
  override then<A = PendingTransfer, B = never>(
    onFulfilled?: ((value: PendingTransfer) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isAwaited = true
    return super.then(onFulfilled, onRejected)
  }
}
