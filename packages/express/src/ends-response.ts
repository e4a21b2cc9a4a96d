// Whether the end of a stream is the end of the response that it is piped into.

import type { Readable } from 'node:stream'

/** The 'end' listeners of Node's `pipe` and `pipeline` that end the destination. */
const ending = /^function (?:onend|endFn)\(\) \{[^}]*\b(?:dest|dst)\.end\(\);?\s*\}$/
/** That of Node's `finished`, which a `pipeline` has for each of its streams. */
const watching = /^\(\) => \{\s*readableFinished = true;/
/** A listener that may send more: what it writes would be cut off by the length of the file. */
const writing = /\.(?:write|end|pipe|send)\w*\(|\[native code\]/

/**
 * Whether nothing can be written to a response between the last of a stream and the end of the response:
 * `pipe` with `end: false` lets more follow, and so may an earlier 'end' listener.
 */
export function endsResponse(stream: Readable): boolean {
  for (const listener of stream.listeners('end')) {
    const text = Function.prototype.toString.call(listener)
    if (ending.test(text)) return true
    if (!watching.test(text) && writing.test(text)) return false
  }
  return false
}
