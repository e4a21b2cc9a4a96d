import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { DescriptorTable } from './descriptors.ts'
import { calls } from '../../../../test/support/counted-fs.ts'
import {
  make,
  table,
  read,
  file,
  replace,
  hasProc,
  folder,
  fifo,
} from '../../../../test/support/descriptors.ts'

vi.mock('node:fs', async (importOriginal) => {
  const { counted } = await import('../../../../test/support/counted-fs.ts')
  return counted(await importOriginal())
})

describe('the table', () => {
  it('keeps a bounded number of idle files, the most recently used', async () => {
    const files = make(10)
    for (const each of files) (await table.acquire(each)).release()
    expect(table.size).toBe(4)
    await vi.waitFor(() => expect(calls.now.open).toBe(4))
    calls.opens = 0
    for (const each of files.slice(6)) (await table.acquire(each)).release()
    expect(calls.opens).toBe(0)
    // The seventh was used again, so the eighth has to go.
    ;(await table.acquire(files[6]!)).release()
    ;(await table.acquire(files[0]!)).release()
    calls.opens = 0
    ;(await table.acquire(files[6]!)).release()
    expect(calls.opens).toBe(0)
    ;(await table.acquire(files[7]!)).release()
    expect(calls.opens).toBe(1)
  })

  it('does not close a held file, however many there are', async () => {
    const files = make(10)
    const held = await Promise.all(files.map((each) => table.acquire(each)))
    expect(held.map(read)).toEqual(files.map((each) => path.basename(each)))
    expect(calls.now.open).toBe(10)
    expect(table.size).toBe(10)
    const again = await table.acquire(files[0]!)
    expect(again).toBe(held[0])
    again.release()
    for (const descriptor of held) descriptor.release()
    expect(table.size).toBe(4)
    await vi.waitFor(() => expect(calls.now.open).toBe(4))
  })

  it('closes a replaced file when its last holder releases it', async () => {
    const [one, two] = await Promise.all([table.acquire(file), table.acquire(file)])
    replace(file, 'other')
    ;(await table.acquire(file)).release()
    expect(calls.now.open).toBe(2)
    one.release()
    expect(read(two)).toBe('first')
    two.release()
    await vi.waitFor(() => expect(calls.now.open).toBe(1))
  })

  it('closes only descriptors that have been idle for a while', async () => {
    const brief = new DescriptorTable({ max: 4, idleMs: 20 })
    const [one, two] = make(2)
    const held = await brief.acquire(one!)
    ;(await brief.acquire(two!)).release()
    expect(brief.size).toBe(2)
    await vi.waitFor(() => expect(brief.size).toBe(1))
    await vi.waitFor(() => expect(calls.now.open).toBe(1))
    expect(read(held)).toBe('0')
    held.release()
    await vi.waitFor(() => expect(calls.now.open).toBe(0))
    expect(brief.size).toBe(0)
    expect(read(await brief.acquire(one!))).toBe('0')
  })

  it('closes a retired descriptor at once, and only once', async () => {
    const descriptor = await table.acquire(file)
    table.retire(descriptor)
    table.retire(descriptor)
    expect(table.size).toBe(0)
    expect(read(descriptor)).toBe('first')
    descriptor.release()
    await vi.waitFor(() => expect(calls.now.open).toBe(0))
    const again = await table.acquire(file)
    expect(again).not.toBe(descriptor)
    again.release()
    table.retire(again)
    await vi.waitFor(() => expect(calls.now.open).toBe(0))
  })

  it('makes room if the process has too many open files', async () => {
    const files = make(4)
    for (const each of files) (await table.acquire(each)).release()
    calls.most = 4
    expect(read(await table.acquire(file))).toBe('first')
  })

  it('rejects with 503 if there is no room to make', async () => {
    const files = make(4)
    await Promise.all(files.map((each) => table.acquire(each)))
    calls.most = 4
    await expect(table.acquire(file)).rejects.toMatchObject({ status: 503, code: 'EMFILE' })
  })

  it.runIf(hasProc)(
    'leaves no descriptor open, whatever happens to the file meanwhile',
    async () => {
      const brief = new DescriptorTable({ max: 1, idleMs: 10 })
      const targets = [
        file,
        path.join(folder, 'b.bin'),
        fifo('pipe'),
        folder,
        path.join(folder, 'none'),
      ]
      fs.writeFileSync(targets[1]!, 'b')
      for (let round = 0; round < 30; round++) {
        const outcomes = Promise.allSettled(
          targets.flatMap((each) => [brief.acquire(each), brief.acquire(each)]),
        )
        replace(file, String(round))
        for (const outcome of await outcomes) {
          if (outcome.status === 'fulfilled') outcome.value.release()
        }
      }
      await vi.waitFor(() => expect(openIn(folder)).toEqual([]))
      expect(calls.now.open).toBe(0)
      expect(brief.size).toBe(0)
    },
  )
})

function openIn(where: string): string[] {
  return fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = fs.readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith(where) ? [target] : []
    } catch {
      return []
    }
  })
}
