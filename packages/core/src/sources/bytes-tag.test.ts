import { createHash } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { isEntityTag } from '../semantics/entity-tag.ts'
import { hashAhead, tagOf } from './bytes-tag.ts'

describe('tagOf', () => {
  it('is strong, and made of the length and a hash', () => {
    const bytes = Buffer.from('some bytes')
    const hash = createHash('sha256').update(bytes).digest('base64url')
    const tag = tagOf(bytes)!
    expect(isEntityTag(tag)).toBe(true)
    expect(tag).toBe(`"a-${hash.slice(0, 27)}"`)
  })

  it('is equal for equal bytes in another object, and differs for other bytes', () => {
    const bytes = Uint8Array.from([1, 2, 3])
    expect(tagOf(new Uint8Array(bytes))).toBe(tagOf(bytes))
    expect(tagOf(Uint8Array.from([0, 1, 2, 3]).subarray(1))).toBe(tagOf(bytes))
    expect(tagOf(Uint8Array.from([1, 2, 4]))).not.toBe(tagOf(bytes))
    expect(tagOf(new Uint8Array(0))).not.toBe(tagOf(new Uint8Array(1)))
  })

  it('is computed once for each object', () => {
    const bytes = new Uint8Array(10)
    const tag = tagOf(bytes)
    bytes[0] = 1 // which a caller must not do: it shows that nothing is computed again
    expect(tagOf(bytes)).toBe(tag)
  })

  it('is the same without the crypto of Node, once the hash is known', async () => {
    const bytes = Uint8Array.from([5, 6, 7])
    const getBuiltinModule = vi
      .spyOn(process, 'getBuiltinModule')
      .mockReturnValue(undefined as never)
    expect(tagOf(bytes)).toBeUndefined()
    await hashAhead(bytes)
    const tag = tagOf(bytes)
    getBuiltinModule.mockRestore()
    expect(tag).toBe(tagOf(new Uint8Array(bytes)))
  })
})
