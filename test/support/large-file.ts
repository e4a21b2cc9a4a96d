import path from 'node:path'
import { bytes, folder, modified } from './files.ts'
import { writeOldFile } from './fixture.ts'

/** A file of its own for a test, so that its descriptors can be counted. */
export function largeFile(name: string): string {
  const filePath = path.join(folder, name)
  writeOldFile(filePath, bytes, modified)
  return filePath
}
