// The API.md of each package matches its declarations. The packages must be built.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type Declared, type Entry, readEntry } from '../support/declarations.ts'
import { formatReference } from '../support/reference.ts'

interface Manifest {
  readonly name: string
  readonly exports?: Readonly<Record<string, { readonly types?: string } | string>>
}

const packages = fileURLToPath(new URL('../../packages/', import.meta.url))

/** For packages that adapt a framework or a store: they change with the packages. */
const internal = new Set(['./adapter', './filter', './upstream'])

function referenceOf(folder: string): string | undefined {
  const { name, exports = {} } = JSON.parse(
    readFileSync(`${packages}${folder}/package.json`, 'utf8'),
  ) as Manifest
  const entries = Object.entries(exports).flatMap(([path, target]) => {
    const types = typeof target === 'string' ? undefined : target.types
    if (types === undefined || internal.has(path)) return []
    const entry = withInternal(readEntry(`${packages}${folder}/${types}`))
    return [{ specifier: name + path.slice(1), ...entry }]
  })
  return entries.length > 0 ? formatReference(name, entries) : undefined
}

/** Includes what a package exports of an entry point that has no reference. */
function withInternal({ declared, borrowed, additions }: Entry): Entry {
  const taken: Declared[] = []
  const left = new Map<string, readonly string[]>()
  for (const [from, names] of borrowed) {
    const [, folder = '', path = ''] = /^@range-serve\/(\w+)\/(\w+)$/.exec(from) ?? []
    if (internal.has(`./${path}`)) {
      const all = readEntry(`${packages}${folder}/dist/${path}.d.ts`).declared
      taken.push(...all.filter(({ name }) => names.includes(name)))
    } else {
      left.set(from, names)
    }
  }
  return { declared: [...declared, ...taken], borrowed: left, additions }
}

const folders = readdirSync(packages).filter((name) =>
  existsSync(`${packages}${name}/package.json`),
)

describe('what adapters import of core', () => {
  it.each(['adapter', 'filter'])('is small, and each name of core/%s is described', (entry) => {
    const { declared } = readEntry(`${packages}core/dist/${entry}.d.ts`)
    expect(declared.length).toBeLessThanOrEqual(22)
    expect(declared.filter(({ doc }) => doc === '').map(({ name }) => name)).toEqual([])
  })
})

describe('API.md', () => {
  it.each(folders)('of %s is up to date; RANGE_SERVE_UPDATE=1 updates it', (folder) => {
    const file = `${packages}${folder}/API.md`
    const reference = referenceOf(folder)
    if (reference === undefined) return
    if (process.env['RANGE_SERVE_UPDATE'] === '1') writeFileSync(file, reference)
    expect(existsSync(file) ? readFileSync(file, 'utf8') : '').toBe(reference)
  })

  it('describes everything that is exported', () => {
    for (const folder of folders) {
      const undescribed = [...(referenceOf(folder)?.matchAll(/^### (.*)\n\n```ts/gm) ?? [])]
      expect(undescribed.map(([, name]) => `${folder}: ${name}`)).toEqual([])
    }
  })
})
