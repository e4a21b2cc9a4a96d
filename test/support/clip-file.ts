// A file of a known pattern, written anew for each test.

import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach } from 'vitest'

export const size = 600_000 // more than two reads
export const bytes = Buffer.from(Array.from({ length: size }, (_, index) => index % 251))
export const hasProc = fs.existsSync('/proc/self/fd')
export let folder: string
export let file: string

beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'file-')))
  file = path.join(folder, 'clip.mp4')
  fs.writeFileSync(file, bytes)
})

afterEach(() => {
  fs.rmSync(folder, { recursive: true })
})

export async function dispose(stream: fs.ReadStream): Promise<void> {
  stream.on('error', () => {}).destroy()
  if (!stream.closed) await once(stream, 'close')
}
