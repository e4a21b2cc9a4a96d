import type { ServerResponse } from 'node:http'

/** How long 'close' is held back at most, in milliseconds. */
const longestMs = 1000

/** What `emit` is given. */
type Event = [name: string | symbol, ...args: unknown[]]

/**
 * Holds back the 'close' of a response whose client has all that it requested, while the handler still
 * writes what is discarded: a disconnect then is the same as a disconnect after the end, which a
 * `pipeline` must not take for a failure. Not for long, since handlers cancel work on 'close'.
 *
 * @returns a function that stops it, and emits what was held back
 */
export function holdClose(response: ServerResponse): () => void {
  const own = Object.getOwnPropertyDescriptor(response, 'emit')
  const emit = response.emit.bind(response)
  let isHolding = true
  let held: Event | undefined
  let timer: NodeJS.Timeout | undefined
  const hold = (...args: Event): boolean => {
    if (!isHolding || args[0] !== 'close') return emit(...args)
    held = args
    timer ??= setTimeout(release, longestMs)
    return true
  }
  response.emit = hold
  return release

  function release(): void {
    if (!isHolding) return
    isHolding = false
    clearTimeout(timer)
    // Other code may have patched it since.
    if (response.emit === hold) {
      if (own) Object.defineProperty(response, 'emit', own)
      else Reflect.deleteProperty(response, 'emit')
    }
    if (held) emit(...held)
  }
}
