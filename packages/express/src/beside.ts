// What is known of a response, kept beside it: where V8 has learned nothing of it, a property costs too much.

/**
 * Whether a response of Express is slow to touch. It is given another prototype, and before V8 13 (Node 24)
 * shares what V8 has learned with no other then: to read a property costs 0.3 us the first time and to add
 * one 1.3, where `Reflect.get` takes 0.05 and `Object.hasOwn` 0.02. Elsewhere `Reflect.get` is the slow one.
 */
export const isSlowToTouch: boolean = Number.parseInt(process.versions.v8) < 13

/** How many objects may be unreleased at once before the first of them gets an entry of a WeakMap. */
const capacity = 64

type Entry<State> = readonly [object: object, state: State]

/**
 * A state for each object. To be a key of a map costs such a response a tenth of all that it costs: it gets
 * a hash, and the collector looks at the entries of a WeakMap again and again. Most objects are released
 * before.
 */
export class Beside<State> {
  readonly #recent = Array.from({ length: capacity }, (): Entry<State> | undefined => undefined)
  /** The index of the oldest of the recent ones, which is the next to go. */
  #oldest = 0
  readonly #others = new WeakMap<object, State>()

  get(object: object): State | undefined {
    return this.#recent[this.#find(object)]?.[1] ?? this.#others.get(object)
  }

  set(object: object, state: State): void {
    const before = this.#recent[this.#oldest]
    if (before) this.#others.set(...before)
    this.#recent[this.#oldest] = [object, state]
    this.#oldest = (this.#oldest + 1) % capacity
  }

  /** Forgets an object that nothing more is to be known of. */
  release(object: object): void {
    const index = this.#find(object)
    if (index >= 0) this.#recent[index] = undefined
  }

  /** From the latest on, since most handlers respond before another request comes; -1 if there is none. */
  #find(object: object): number {
    for (let age = 1; age <= capacity; age++) {
      const index = (this.#oldest - age + capacity) % capacity
      if (this.#recent[index]?.[0] === object) return index
    }
    return -1
  }
}
