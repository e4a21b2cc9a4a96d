/**
 * A method of Node's own, or a framework's, known by a text that only its source contains. A comparison
 * with the current method would prove nothing: it may have been patched before this module was loaded.
 */
export class OwnMethod {
  readonly #call: string
  /** The one that has been found to be it: comparing is cheaper than reading. */
  #proven: unknown
  readonly #foreign = new WeakSet<Function>()

  constructor(call: string) {
    this.#call = call
  }

  /** Whether a value has been found to be this method, which costs less to ask than `is`. */
  isProven(method: unknown): boolean {
    return method === this.#proven && method !== undefined
  }

  /** Whether a value is this method, unpatched. */
  is(method: unknown): boolean {
    if (this.isProven(method)) return true
    if (typeof method !== 'function' || this.#foreign.has(method)) return false
    const isOwn = Function.prototype.toString.call(method).includes(this.#call)
    if (isOwn) this.#proven = method
    else this.#foreign.add(method)
    return isOwn
  }
}
