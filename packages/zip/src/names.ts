// Names in an archive: what a program that unpacks it can place, inside the folder it unpacks to.

import { invalidArgument } from '@range-serve/core/sources'

/** The most that the 16 bits for the length of a name can say. */
const maxLength = 0xffff

/**
 * Encodes the names of an archive.
 *
 * @throws TypeError `ERR_INVALID_ARGUMENT` for a name that is absolute, leads out of the folder that
 *   the archive is unpacked to, is not well-formed, or occurs twice
 */
export function encodeNames(names: readonly unknown[]): Uint8Array[] {
  const seen = new Set<string>()
  return names.map((name) => {
    validateName(name)
    // A file and a folder cannot share a path either.
    const path = name.replace(/\/$/, '')
    if (seen.has(path)) throw refuse(name, 'it occurs twice')
    seen.add(path)
    const bytes = Buffer.from(name)
    if (bytes.length > maxLength) throw refuse(name, `it is longer than ${maxLength} bytes`)
    return bytes
  })
}

function validateName(name: unknown): asserts name is string {
  const fault = faultOf(name)
  if (fault !== undefined) throw refuse(name, fault)
}

function faultOf(name: unknown): string | undefined {
  if (typeof name !== 'string' || name === '') return 'it must be text, and not empty'
  if (name.includes('\0')) return 'it holds a NUL'
  if (/\p{Surrogate}/u.test(name)) return 'it is not well-formed Unicode'
  if (name.includes('\\')) return 'it holds a backslash; write a slash'
  if (name.startsWith('/') || /^[a-z]:/i.test(name)) return 'it is absolute'
  const components = name.replace(/\/$/, '').split('/')
  if (components.includes('..')) return "it holds '..'"
  if (components.some((each) => each === '' || each === '.')) return 'it holds an empty component'
  return undefined
}

function refuse(name: unknown, fault: string): TypeError {
  const text = typeof name === 'string' ? JSON.stringify(name.slice(0, 200)) : String(name)
  return invalidArgument('ERR_INVALID_ARGUMENT', `Cannot name an entry ${text}: ${fault}`)
}
