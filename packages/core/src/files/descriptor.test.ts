// Synchronous reads and stats: only if the policy allows them, and never for a file's first read.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Descriptor } from './descriptor.ts'
import { DescriptorTable } from './descriptors.ts'
import { readPolicy } from './read-policy.ts'

let folder: string
let filePath: string
let table: DescriptorTable
let descriptor: Descriptor
const target = Buffer.alloc(10)

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'range-serve-descriptor-'))
  filePath = path.join(folder, 'file')
})
afterAll(() => fs.rmSync(folder, { recursive: true }))

beforeEach(async () => {
  fs.writeFileSync(filePath, '0123456789')
  fs.utimesSync(filePath, new Date('2025-01-01'), new Date('2025-01-01'))
  table = new DescriptorTable({ max: 8, idleMs: 1000 })
  descriptor = await table.acquire(filePath)
})
afterEach(() => {
  vi.restoreAllMocks()
  table.release(descriptor, true)
})

/** What the policy allows, and how often the end of a read was reported to it. */
function stub(startedAt: number | undefined) {
  vi.spyOn(readPolicy, 'begin').mockReturnValue(startedAt)
  return vi.spyOn(readPolicy, 'end').mockReturnValue()
}

describe('readSync', () => {
  it('does not make the first read after the file was opened', () => {
    stub(0)
    expect(descriptor.readSync(target, 10, 0)).toBeUndefined()
    expect(descriptor.readSync(target, 10, 2)).toBe(8)
    expect(target.subarray(0, 8).toString()).toBe('23456789')
  })

  it('reads nothing unless the policy allows it', () => {
    stub(undefined)
    descriptor.readSync(target, 10, 0)
    expect(descriptor.readSync(target, 10, 0)).toBeUndefined()
  })

  it('reports a failed read to the policy, too', () => {
    const end = stub(0)
    descriptor.readSync(target, 10, 0)
    expect(() => descriptor.readSync(target, 10, -1.5)).toThrow(RangeError)
    expect(end).toHaveBeenCalledOnce()
  })
})

describe('acquire with adaptive reads', () => {
  const acquire = () => table.acquire(filePath, undefined, 'adaptive')

  it('examines a path once, synchronously, for all requests of a turn', async () => {
    const end = stub(0)
    const stat = vi.spyOn(fs, 'stat')
    const together = await Promise.all([acquire(), acquire(), acquire()])
    expect(together).toEqual([descriptor, descriptor, descriptor])
    expect(end).toHaveBeenCalledOnce()
    expect(stat).not.toHaveBeenCalled()
    expect(descriptor.holders).toBe(4)
    for (const each of together) table.release(each, false)
  })

  it('examines it again for the requests of the next turn', async () => {
    const end = stub(0)
    for (let turn = 0; turn < 2; turn++) table.release(await acquire(), false)
    expect(end).toHaveBeenCalledTimes(2)
  })

  it('examines it after the last request of a turn has arrived', async () => {
    stub(0)
    const early = acquire()
    fs.writeFileSync(filePath, 'changed meanwhile')
    const late = acquire()
    const found = await Promise.all([early, late])
    expect(found.map(({ stats }) => stats.size)).toEqual([17n, 17n])
    for (const each of found) table.release(each, true)
  })

  it('examines it asynchronously if one of the requests forbids synchronous reads', async () => {
    const end = stub(0)
    const found = await Promise.all([acquire(), table.acquire(filePath, undefined, 'async')])
    expect(found).toEqual([descriptor, descriptor])
    expect(end).not.toHaveBeenCalled()
    for (const each of found) table.release(each, false)
  })

  it.each<[what: string, change: () => void]>([
    ['changed', () => fs.appendFileSync(filePath, 'more')],
    ['removed', () => fs.rmSync(filePath)],
    ['replaced by a loop of links', () => (fs.rmSync(filePath), fs.symlinkSync('file', filePath))],
  ])('leaves a file that was %s to be examined asynchronously', async (_what, change) => {
    const end = stub(0)
    change()
    const found = await acquire().catch((error: unknown) => error)
    expect(found).not.toBe(descriptor)
    expect(end).toHaveBeenCalledOnce()
    if (found instanceof Descriptor) table.release(found, true)
    fs.rmSync(filePath, { force: true })
  })

  it('does not examine it synchronously unless the policy allows it', async () => {
    stub(undefined)
    const stat = vi.spyOn(fs, 'statSync')
    expect(await acquire()).toBe(descriptor)
    expect(stat).not.toHaveBeenCalled()
    table.release(descriptor, false)
  })
})
