import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Beside } from './beside.ts'

describe('Beside', () => {
  const objects = Array.from({ length: 400 }, (_, index) => ({ index }))
  const kinds = ['set', 'hold'] as const

  it.each(kinds)('knows each of many objects (%s)', (way) => {
    const states = new Beside<number>()
    for (const object of objects) states[way](object, object.index)
    expect(objects.map((object) => states.get(object))).toEqual(objects.map(({ index }) => index))
    expect(states.get({ index: 0 })).toBeUndefined()
  })

  it('knows the latest state of an object', () => {
    const states = new Beside<string>()
    const [object, ...others] = objects
    states.set(object!, 'first')
    states.hold(object!, 'second')
    expect(states.get(object!)).toBe('second')
    for (const other of others) states.hold(other, 'other')
    expect(states.get(object!)).toBe('second')
  })

  it('forgets what is released, and no other', () => {
    const states = new Beside<number>()
    for (const object of objects) {
      states.hold(object, object.index)
      if (object.index % 2 === 0) states.release(object)
    }
    const left = objects.filter((object) => states.get(object) !== undefined)
    expect(left.map(({ index }) => index % 2)).toEqual(Array.from({ length: 200 }, () => 1))
  })

  it('knows what is settled', () => {
    const states = new Beside<number>()
    states.hold(objects[0]!, 0)
    states.settle(objects[0]!)
    states.release(objects[0]!)
    expect(states.get(objects[0]!)).toBe(0)
  })

  it('settles what has been held for a second', async () => {
    const states = new Beside<number>()
    for (const round of [1, 2]) {
      states.hold(objects[round]!, round)
      await setTimeout(1100)
      states.release(objects[round]!)
      expect(states.get(objects[round]!)).toBe(round)
    }
  })
})
