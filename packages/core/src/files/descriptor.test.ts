// Synchronous reads and looks: only where the policy allows them, and never a file's first read.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Descriptor } from './descriptor.ts'
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

/** What the policy says, and how often it was told of the end of a read. */
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

  it('tells the policy of a read that fails, too', () => {
    const end = stub(0)
    descriptor.readSync(target, 10, 0)
    expect(() => descriptor.readSync(target, 10, -1.5)).toThrow(RangeError)
    expect(end).toHaveBeenCalledOnce()
  })
})

describe('acquireSync', () => {
  it('finds a file that is open and unchanged', () => {
    const end = stub(0)
    expect(table.acquireSync(filePath)).toBe(descriptor)
    expect(end).toHaveBeenCalledOnce()
    table.release(descriptor, false)
  })

  it.each<[what: string, change: () => void]>([
    ['changed', () => fs.appendFileSync(filePath, 'more')],
    ['removed', () => fs.rmSync(filePath)],
    ['replaced by a loop of links', () => (fs.rmSync(filePath), fs.symlinkSync('file', filePath))],
  ])('leaves a file that was %s to be examined asynchronously', (_what, change) => {
    const end = stub(0)
    change()
    expect(table.acquireSync(filePath)).toBeUndefined()
    expect(end).toHaveBeenCalledOnce()
    fs.rmSync(filePath, { force: true })
  })

  it('looks at nothing unless the policy allows it', () => {
    stub(undefined)
    const stat = vi.spyOn(fs, 'statSync')
    expect(table.acquireSync(filePath)).toBeUndefined()
    expect(stat).not.toHaveBeenCalled()
  })
})
