import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll } from 'vitest'

/** Bytes whose neighbours all differ, so that an off-by-one shows. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) bytes[i] = i % 251
  return bytes
}

/** A folder that is removed after the tests of a file; to be called while they are collected. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'range-serve-test-'))
  // Workers do not end with an `exit` event.
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes a file and sets its mtime. */
export function writeOldFile(filePath: string, bytes: Uint8Array, modified: Date): void {
  fs.writeFileSync(filePath, bytes)
  fs.utimesSync(filePath, modified, modified)
}

/** How many descriptors of a process lead to a path, deleted or not; needs /proc. */
export function openDescriptors(filePath: string, pid: number | 'self' = 'self'): number {
  let count = 0
  for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) {
    try {
      if (fs.readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith(filePath)) count++
    } catch {
      // The descriptor that readdir itself had.
    }
  }
  return count
}

/** Waits until a condition holds; after a bounded time, fails and names it. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = 5000,
): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Waited ${ms} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
