// What is known of a response, kept beside it: where V8 has learned nothing of it, a property costs too much.

import { setTimeout } from 'node:timers'

/**
 * Whether a response of Express is slow to touch. It is given another prototype, and before V8 13 (Node 24)
 * shares what V8 has learned with no other then: to read a property costs 0.3 us the first time and to add
 * one 1.3, where `Reflect.get` takes 0.05 and `Object.hasOwn` 0.02. Elsewhere `Reflect.get` is the slow one.
 */
export const isSlowToTouch: boolean = Number.parseInt(process.versions.v8) < 13

/** How many objects may be held at once. */
const capacity = 64
/** How long one may be held, in milliseconds, if no others come. */
const patience = 1000

type Entry<State> = readonly [object: object, state: State]

/**
 * A state for each object. To be a key of a map costs such a response a tenth of all that it costs: it gets
 * a hash, and the collector looks at the entries of a WeakMap again and again. An object that is soon over is
 * held in a list instead, for a second at most, and until `capacity` others have come.
 */
export class Beside<State> {
  readonly #held = Array.from({ length: capacity }, (): Entry<State> | undefined => undefined)
  /** The index of the oldest, which is the next to go. */
  #oldest = 0
  #timer: NodeJS.Timeout | undefined
  readonly #others = new WeakMap<object, State>()

  get(object: object): State | undefined {
    return this.#held[this.#find(object)]?.[1] ?? this.#others.get(object)
  }

  set(object: object, state: State): void {
    this.#others.set(object, state)
  }

  /** Sets the state of an object for which `release` or `settle` will be called. */
  hold(object: object, state: State): void {
    this.#settleAt(this.#oldest)
    this.#held[this.#oldest] = [object, state]
    this.#oldest = (this.#oldest + 1) % capacity
    if (this.#timer === undefined)
      this.#timer = setTimeout(() => this.#settleAll(), patience).unref()
  }

  /** Forgets an object that nothing more is to be known of. */
  release(object: object): void {
    const index = this.#find(object)
    if (index >= 0) this.#held[index] = undefined
  }

  /** Holds an object no longer; its state stays known. */
  settle(object: object): void {
    const index = this.#find(object)
    if (index >= 0) this.#settleAt(index)
  }

  #settleAll(): void {
    this.#timer = undefined
    for (let index = 0; index < capacity; index++) this.#settleAt(index)
  }

  #settleAt(index: number): void {
    const entry = this.#held[index]
    if (entry) this.#others.set(...entry)
    this.#held[index] = undefined
  }

  /** From the latest on, since most handlers respond before another request comes; -1 if there is none. */
  #find(object: object): number {
    for (let age = 1; age <= capacity; age++) {
      const index = (this.#oldest - age + capacity) % capacity
      if (this.#held[index]?.[0] === object) return index
    }
    return -1
  }
}
