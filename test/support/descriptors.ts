// A folder, a file in it and a table of descriptors, new for each test of the table.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import type { Descriptor } from '../../packages/core/src/files/descriptor.ts'
import { DescriptorTable } from '../../packages/core/src/files/descriptors.ts'
import { calls } from './counted-fs.ts'

export const hasProc = fs.existsSync('/proc/self/fd')
export let folder: string
export let file: string
export let table: DescriptorTable

beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'descriptors-')))
  file = path.join(folder, 'a.bin')
  fs.writeFileSync(file, 'first')
  Object.assign(calls, {
    stats: 0,
    opens: 0,
    now: { open: 0 },
    most: Infinity,
    refusal: undefined,
    afterStat: undefined,
    beforeOpen: undefined,
    afterOpen: undefined,
    refusesLinks: false,
  })
  table = new DescriptorTable({ max: 4, idleMs: 60_000 })
})

afterEach(() => {
  fs.rmSync(folder, { recursive: true })
})

export function read(descriptor: Descriptor): string {
  const buffer = Buffer.alloc(100)
  return buffer.toString('utf8', 0, fs.readSync(descriptor.fd, buffer, 0, 100, 0))
}

/** As an editor or a deployment does it: a new file, renamed onto the old. */
export function replace(target: string, text: string): void {
  fs.writeFileSync(`${target}.new`, text)
  fs.renameSync(`${target}.new`, target)
}

export function make(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const each = path.join(folder, String(index))
    fs.writeFileSync(each, String(index))
    return each
  })
}

export function fifo(name: string): string {
  const target = path.join(folder, name)
  execFileSync('mkfifo', [target])
  return target
}

export function link(target: string, name: string): string {
  const at = path.join(folder, name)
  fs.symlinkSync(target, at)
  return at
}
