import { expect, it } from 'vitest'
import { type Methods, MethodsBelow } from './methods.ts'

const returning = (value: string) => () => value

it('looks methods up on the prototype at each call', () => {
  const prototype = { write: returning('first') }
  const target = Object.create(prototype) as object
  const below = new MethodsBelow(target)
  Object.assign(target, { write: returning('hook') })
  expect(below.write.call(target as never)).toBe('first')
  prototype.write = returning('patched')
  expect(below.write.call(target as never)).toBe('patched')
})

it('uses the methods that the target itself had', () => {
  const target = Object.create({ end: returning('inherited') }) as { end: Methods['end'] }
  target.end = returning('own')
  const below = new MethodsBelow(target)
  target.end = returning('hook')
  expect(below.end.call(target as never)).toBe('own')
})
