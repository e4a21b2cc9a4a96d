import { describe, expect, it } from 'vitest'
import { MetadataTable } from './metadata-table.ts'

describe('MetadataTable', () => {
  it('keeps an entry for its time', async () => {
    const table = new MetadataTable<{ length: number }>()
    table.set('long', { length: 1 }, 60_000)
    table.set('past', { length: 2 }, -1)
    expect(table.get('long')).toEqual({ length: 1 })
    expect(table.get('past')).toBeUndefined()
    expect(table.get('never')).toBeUndefined()
  })

  it('holds at most 1,000 entries, and drops the least recently used', () => {
    const table = new MetadataTable<number>()
    for (let i = 0; i < 1000; i++) table.set(String(i), i, 60_000)
    expect(table.get('0')).toBe(0)
    table.set('1000', 1000, 60_000)
    expect(table.get('1')).toBeUndefined()
    expect(table.get('0')).toBe(0)
    expect(table.get('1000')).toBe(1000)
  })

  it('deletes an entry unless it has been replaced', () => {
    const table = new MetadataTable<object>()
    const [before, after] = [{}, {}]
    table.set('a', before, 60_000)
    table.set('a', after, 60_000)
    table.delete('a', before)
    expect(table.get('a')).toBe(after)
    table.delete('a', after)
    expect(table.get('a')).toBeUndefined()
  })
})
