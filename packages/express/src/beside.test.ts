import { describe, expect, it } from 'vitest'
import { Beside } from './beside.ts'

describe('Beside', () => {
  const objects = Array.from({ length: 400 }, (_, index) => ({ index }))

  it('knows each of many objects', () => {
    const states = new Beside<number>()
    for (const object of objects) states.set(object, object.index)
    expect(objects.map((object) => states.get(object))).toEqual(objects.map(({ index }) => index))
    expect(states.get({ index: 0 })).toBeUndefined()
  })

  it('knows the latest state of an object', () => {
    const states = new Beside<string>()
    const [object, ...others] = objects
    states.set(object!, 'first')
    states.set(object!, 'second')
    expect(states.get(object!)).toBe('second')
    for (const other of others) states.set(other, 'other')
    expect(states.get(object!)).toBe('second')
  })

  it('forgets what is released, and no other', () => {
    const states = new Beside<number>()
    for (const object of objects) {
      states.set(object, object.index)
      if (object.index % 2 === 0) states.release(object)
    }
    const left = objects.filter((object) => states.get(object) !== undefined)
    expect(left.map(({ index }) => index % 2)).toEqual(Array.from({ length: 200 }, () => 1))
  })
})
