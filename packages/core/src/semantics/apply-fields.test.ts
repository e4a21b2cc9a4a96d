import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyFields, type FieldTarget } from './apply-fields.ts'
import { isStale } from './fields.ts'

type Fields = Record<string, string>

/** Fields by their names in lower case; setting one of them may fail. */
class Target implements FieldTarget {
  readonly fields: Fields
  refused: string | undefined

  constructor(fields: Fields) {
    this.fields = { ...fields }
  }

  getHeader(name: string): string | undefined {
    return this.fields[name.toLowerCase()]
  }

  getHeaders(): Fields {
    return { ...this.fields }
  }

  setHeader(name: string, value: unknown): void {
    if (name.toLowerCase() === this.refused) throw new TypeError(`${name} is refused`)
    this.fields[name.toLowerCase()] = String(value)
  }

  removeHeader(name: string): void {
    Reflect.deleteProperty(this.fields, name.toLowerCase())
  }
}

const names = ['Content-Type', 'Content-Length', 'Content-Range', 'ETag', 'Vary', 'X-Own']
const fields = fc.dictionary(fc.constantFrom(...names), fc.constantFrom('a', 'b', 'c'))
const plan = fc.record({ status: fc.constantFrom(200, 206, 304, 412, 416), headers: fields })
const set = fields.map((some) =>
  Object.fromEntries(Object.entries(some).map(([name, value]) => [name.toLowerCase(), value])),
)

describe('applyFields', () => {
  it('sets what is planned, removes what is stale, and leaves the rest', () => {
    fc.assert(
      fc.property(set, plan, (before, planned) => {
        const target = new Target(before)
        applyFields(target, planned)
        const expected = new Map(Object.entries(before))
        for (const name of expected.keys()) if (isStale(planned, name)) expected.delete(name)
        for (const [name, value] of Object.entries(planned.headers)) {
          expected.set(name.toLowerCase(), value)
        }
        expect(new Map(Object.entries(target.fields))).toEqual(expected)
      }),
    )
  })

  it('restores what was there before, once', () => {
    fc.assert(
      fc.property(set, plan, set, (before, planned, later) => {
        const target = new Target(before)
        const restore = applyFields(target, planned)
        restore()
        expect(target.fields).toEqual(before)
        Object.assign(target.fields, later)
        restore()
        expect(target.fields).toEqual({ ...before, ...later })
      }),
    )
  })

  it('restores nothing that other code has set since', () => {
    fc.assert(
      fc.property(set, plan, set, (before, planned, later) => {
        const target = new Target(before)
        const restore = applyFields(target, planned)
        const others = Object.fromEntries(
          Object.entries(later).map(([name, value]) => [name, `${value} of others`]),
        )
        Object.assign(target.fields, others)
        restore()
        expect(target.fields).toEqual({ ...before, ...others })
      }),
    )
  })

  it('leaves a target as it was if a field cannot be set', () => {
    fc.assert(
      fc.property(set, plan, fc.constantFrom(...names), (before, planned, name) => {
        fc.pre(planned.headers[name] !== undefined)
        fc.pre(planned.headers[name] !== before[name.toLowerCase()])
        const target = new Target(before)
        target.refused = name.toLowerCase()
        expect(() => applyFields(target, planned)).toThrow(TypeError)
        expect(target.fields).toEqual(before)
      }),
    )
  })
})
