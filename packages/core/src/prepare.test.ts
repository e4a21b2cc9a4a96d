import { describe, expect, it } from 'vitest'
import { prepare } from './prepare.ts'
import type { SendOptions } from './options.ts'
import type { DirectSource, Source } from './sources/source.ts'

const context = { set: () => undefined, inTurn: true, pooled: false }
const request = { method: 'GET', headers: {} }

function closable(length: number): { source: Source; closed: () => number } {
  let closed = 0
  return {
    source: {
      length,
      read: async () => new Uint8Array(length),
      close: () => {
        closed++
        throw new Error('cannot close')
      },
    },
    closed: () => closed,
  }
}

describe('prepare', () => {
  it.each<[name: string, length: number, options: object]>([
    ['an unknown option', 10, { maxage: 5 }],
    ['an impossible option', 10, { etag: 'v1' }],
    ['an impossible length', -1, {}],
  ])('closes the source of a call with %s', (_name, length, options) => {
    const { source, closed } = closable(length)
    expect(() => prepare(request, source, options as SendOptions, context)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_/) }),
    )
    expect(closed()).toBe(1)
  })

  it.each<[name: string, length: number, options: object]>([
    ['an unknown option', 10, { maxage: 5 }],
    ['an impossible length', -1, {}],
  ])('closes the source of a promise, of a call with %s', async (_name, length, options) => {
    const { source, closed } = closable(length)
    const call = async () => prepare(request, Promise.resolve(source), options, context)
    await expect(call()).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_/) })
    await new Promise(setImmediate)
    expect(closed()).toBe(1)
  })

  it('leaves no unhandled rejection of a promise that is not awaited', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    const options = { maxage: 5 } as SendOptions
    expect(() => prepare(request, Promise.reject(new Error('no row')), options, context)).toThrow()
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  it('closes a source once if its response cannot be planned', async () => {
    const { source, closed } = closable(10)
    const etag = () => '"v1"'
    await expect(prepare(request, source, { etag }, context)).rejects.toThrow('for files')
    expect(closed()).toBe(1)
  })

  it('closes the replacement of a cached source, too, if it cannot be served', async () => {
    let closed = 0
    const direct = (actual?: Promise<DirectSource>): DirectSource => ({
      isDirect: true,
      ...closable(10).source,
      close: () => void closed++,
      ...(actual && { actual }),
    })
    const cached = direct(Promise.resolve(direct()))
    expect(() => prepare(request, cached, { etag: 'v1' }, context)).toThrow('etag')
    await new Promise(setImmediate)
    expect(closed).toBe(2)
  })
})
