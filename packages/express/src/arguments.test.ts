import { describe, expect, it } from 'vitest'
import {
  appendLine,
  formatContent,
  isContent,
  lookUp,
  parseContent,
  parseHead,
  toBytes,
  toFields,
} from './arguments.ts'

const callback = () => {}
const setting = (fields: Readonly<Record<string, string>>) => ({
  getHeader: (name: string) => (Object.hasOwn(fields, name) ? fields[name] : undefined),
})
const bytes = Buffer.from('a')

describe('parseContent', () => {
  it.each<[args: unknown[], chunk: unknown, encoding: string | undefined, hasCallback: boolean]>([
    [[], undefined, undefined, false],
    [[callback], undefined, undefined, true],
    [[bytes], bytes, undefined, false],
    [[bytes, callback], bytes, undefined, true],
    [['a', 'latin1'], 'a', 'latin1', false],
    [['a', 'latin1', callback], 'a', 'latin1', true],
    [['a', undefined, callback], 'a', undefined, true],
    [['a', null, callback], 'a', undefined, true],
    [[null, callback], null, undefined, true],
    [[undefined, undefined, callback], undefined, undefined, true],
    [[123], 123, undefined, false],
  ])('%#: %j', (args, chunk, encoding, hasCallback) => {
    const parsed = parseContent(args)
    expect(parsed).toEqual({ chunk, encoding, callback: hasCallback ? callback : undefined })
  })
})

it('formatContent leaves out what is not given', () => {
  expect(formatContent(bytes, undefined, callback)).toEqual([bytes, callback])
  expect(formatContent(undefined, undefined)).toEqual([])
})

it.each([
  ['', true],
  [bytes, true],
  [new Uint8Array(0), true],
  [null, false],
  [undefined, false],
  [{}, false],
])('isContent(%j): %s', (chunk, is) => {
  expect(isContent(chunk)).toBe(is)
})

describe('toBytes', () => {
  it('decodes text as UTF-8, unless an encoding is given', () => {
    expect(toBytes('ä', undefined)).toEqual(Buffer.from([0xc3, 0xa4]))
    expect(toBytes('ä', 'latin1')).toEqual(Buffer.from([0xe4]))
    expect(toBytes('YQ==', 'base64')).toEqual(bytes)
  })

  it('throws for an unknown encoding, as Node does', () => {
    expect(() => toBytes('a', 'none' as BufferEncoding)).toThrow(
      expect.objectContaining({ code: 'ERR_UNKNOWN_ENCODING' }),
    )
  })
})

describe('parseHead', () => {
  const record = { 'X-A': 'b' }
  const list = ['X-A', 'b']
  it.each<[args: unknown[], reason: string | undefined, fields: object | undefined]>([
    [[200], undefined, undefined],
    [[200, 'Fine'], 'Fine', undefined],
    [[200, ''], '', undefined],
    [[200, record], undefined, record],
    [[200, 'Fine', record], 'Fine', record],
    [[200, undefined, record], undefined, record],
    [[200, list], undefined, list],
    [[200, 'Fine', list], 'Fine', list],
    [[200, null], undefined, undefined],
  ])('%j', (args, reason, fields) => {
    expect(parseHead(args)).toEqual({ status: 200, reason, fields })
  })
})

const shapes: [what: string, fields: object][] = [
  ['a record', { 'X-A': 'b', 'Set-Cookie': ['a=1', 'b=2'], Constructor: 'c' }],
  ['a flat list', ['X-A', 'b', 'Set-Cookie', 'a=1', 'Constructor', 'c', 'set-cookie', 'b=2']],
  ['pairs', [['X-A', 'b'], ['Set-Cookie', 'a=1'], ['Constructor', 'c'], ['Set-Cookie', 'b=2']]],
] // prettier-ignore

describe.each(shapes)('the fields of %s', (_what, fields) => {
  it('are found by their names in lower case', () => {
    const byName = toFields(fields)
    expect([...byName.keys()].toSorted()).toEqual(['constructor', 'set-cookie', 'x-a'])
    expect(byName.get('x-a')!.value).toBe('b')
    expect(byName.get('set-cookie')!.value).toEqual(['a=1', 'b=2'])
    expect(byName.get('constructor')!.value).toBe('c')
  })

  it('override those that were set', () => {
    const field = lookUp(setting({ 'x-a': 'set', 'x-other': 'other' }), fields)
    expect(field('x-a')).toBe('b')
    expect(field('x-other')).toBe('other')
  })
})

it('finds no fields but those given', () => {
  const field = lookUp(setting({}), { 'X-A': 'b' })
  for (const name of ['constructor', '__proto__', 'hasownproperty', 'tostring']) {
    expect(field(name), name).toBeUndefined()
  }
  const given = JSON.parse('{"__proto__": "x", "hasOwnProperty": "y"}') as object
  expect([...toFields(given).values()]).toEqual([
    { name: '__proto__', value: 'x' },
    { name: 'hasOwnProperty', value: 'y' },
  ])
})

it('appendLine adds a line to fields of any shape, and does not change the given ones', () => {
  const flat = ['X-A', 'b']
  expect(appendLine([200, 'Fine', flat], 'X-C', 'd')).toEqual([200, 'Fine', ['X-A', 'b', 'X-C', 'd']]) // prettier-ignore
  expect(flat).toEqual(['X-A', 'b'])
  expect(appendLine([200, [['X-A', 'b']]], 'X-C', 'd')).toEqual([200, [['X-A', 'b'], ['X-C', 'd']]]) // prettier-ignore
  expect(appendLine([200, { 'X-A': 'b' }], 'X-C', 'd')).toEqual([200, { 'X-A': 'b', 'X-C': 'd' }])
  expect(appendLine([200, []], 'X-C', 'd')).toEqual([200, ['X-C', 'd']])
})
