import path from 'node:path'
import { pattern, temporaryFolder, writeOldFile } from './fixture.ts'

// The files that the tests of the adapters serve.

export const folder = temporaryFolder()
export const modified = new Date('2025-01-01T10:00:00Z')
export const size = 4 * 1024 * 1024
export const bytes = pattern(size)
export const filePath = path.join(folder, 'file.bin')
writeOldFile(filePath, bytes, modified)
export const text = 'A line that compresses well.\n'.repeat(40_000)
writeOldFile(path.join(folder, 'text.txt'), Buffer.from(text), modified)

/** A request for a range. */
export const range = (value: string): { headers: [string, string][] } => ({
  headers: [['Range', `bytes=${value}`]],
})
