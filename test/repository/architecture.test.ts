// The structure that ARCHITECTURE.md draws, compared with the imports of the sources.

import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const modules = ['core', 'express', 'koa', 'http', 's3', 'zip', 'doctor']
  .flatMap((name) => {
    const folder = `packages/${name}/src`
    return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map(
      (file) => `${folder}/${file.replaceAll(path.sep, '/')}`,
    )
  })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .toSorted()

interface Import {
  readonly from: string
  readonly to: string
  /** Whether it is erased at run time. */
  readonly isType: boolean
}

const imports: Import[] = modules.flatMap((from) => {
  const text = readFileSync(path.join(root, from), 'utf8')
  const found = text.matchAll(
    /^(import|export) (type )?(\{[^}]*\}|[\w*][^'{]*)? ?(?:from )?'([^']+)'/gm,
  )
  return [...found].flatMap(([, , type, names = '', to = '']) => {
    const isType = type !== undefined || /^\{(\s*type [^,}]+,?)+\s*\}$/.test(names)
    const target = resolveImport(from, to)
    return target === undefined ? [] : [{ from, to: target, isType }]
  })
})

/** A module of this repository, or undefined for another package. */
function resolveImport(from: string, to: string): string | undefined {
  const [, name, entry = 'index'] = /^@range-serve\/(\w+)(?:\/(\w+))?$/.exec(to) ?? []
  if (name !== undefined) return `packages/${name}/src/${entry}.ts`
  return to.startsWith('.') ? path.posix.join(path.posix.dirname(from), to) : undefined
}

/** The modules of core that the rooms above semantics share. */
const basics = new Set(['media-type', 'option-names', 'options', 'pace', 'transfer', 'validate'])

/** The modules that all rooms use, and which are not drawn. */
const leaves = new Set(['errors', 'runtime'])

/** The room of a module, by the names in ARCHITECTURE.md. */
function roomOf(module: string): string {
  const [, name = '', , first = '', rest] = module.split('/')
  if (name !== 'core') return name
  if (rest !== undefined) return first
  const file = path.basename(first, '.ts')
  if (leaves.has(file)) return file
  return basics.has(file) ? 'basics' : 'core'
}

describe('the imports of the sources', () => {
  it('were found', () => {
    expect(modules.length).toBeGreaterThan(50)
    expect(imports.length).toBeGreaterThan(100)
    for (const { to } of imports) expect(modules).toContain(to)
  })

  it('are those that ARCHITECTURE.md draws', () => {
    const text = readFileSync(path.join(root, 'ARCHITECTURE.md'), 'utf8')
    const [, graph = ''] = /```mermaid\n([\s\S]*?)```/.exec(text) ?? []
    const drawn = [...graph.matchAll(/^ *([\w/]+) --> ([\w/]+)$/gm)].map(
      ([, a, b]) => `${a} → ${b}`,
    )
    const actual = new Set<string>()
    for (const { from, to, isType } of imports) {
      const [room, used] = [roomOf(from), roomOf(to)]
      if (!isType && room !== used && !leaves.has(used)) actual.add(`${room} → ${used}`)
    }
    expect([...actual].toSorted()).toEqual(drawn.toSorted())
  })

  it('form no circle, of modules or of rooms', () => {
    const used = imports.filter(({ isType }) => !isType)
    expect(circleOf(used.map(({ from, to }) => [from, to]))).toBeUndefined()
    const rooms = used.map(({ from, to }): [string, string] => [roomOf(from), roomOf(to)])
    expect(circleOf(rooms.filter(([from, to]) => from !== to))).toBeUndefined()
  })
})

/** Packages that run without Node. */
const neutral = /^(?:content-disposition|range-parser|@range-serve\/\w+(?:\/\w+)?)$/

describe('what runs on any platform', () => {
  const entries = ['core/src/fetch', 'core/src/sources', 'http/src/index', 'http/src/upstream', 's3/src/index'] // prettier-ignore

  it.each(entries)('packages/%s.ts reaches nothing but modules that run without Node', (entry) => {
    const reached = reachedFrom(`packages/${entry}.ts`)
    expect(reached.size).toBeGreaterThan(4)
    for (const module of reached) {
      expect(module).not.toMatch(/\/files\//)
      for (const name of packagesOf(module)) expect(name, module).toMatch(neutral)
      if (module.endsWith('/core/src/runtime.ts')) continue
      expect(codeOf(module), module).not.toMatch(/\b(Buffer|process)\b/)
    }
  })

  it('may import anything of semantics/ and sources/', () => {
    const rooms = modules.filter((module) => /\/core\/src\/(semantics|sources)\//.test(module))
    for (const module of rooms) {
      for (const one of reachedFrom(module)) expect(packagesOf(one).join()).not.toContain('node:')
    }
  })
})

describe('every module', () => {
  it.each(modules)('is at most 260 lines long, or says why: %s', (module) => {
    const text = readFileSync(path.join(root, module), 'utf8')
    if (text.trimEnd().split('\n').length > 260) expect(text).toMatch(/^\/\/ .*\blong\b/m)
  })
})

/** A module and all that it imports at run time, directly or not. */
function reachedFrom(module: string): Set<string> {
  const reached = new Set([module])
  // A set is iterated in the order of insertion, the modules that are added meanwhile included.
  for (const from of reached) {
    for (const each of imports) if (each.from === from && !each.isType) reached.add(each.to)
  }
  return reached
}

/** The packages and modules of Node that a module imports at run time. */
function packagesOf(module: string): string[] {
  const text = readFileSync(path.join(root, module), 'utf8')
  const found = text.matchAll(/^(?:import|export) (?!type )(?:[^']*? from )?'([^.'][^']*)'/gm)
  return [...found].map(([, name]) => name!)
}

/** The code of a module, without its comments and what its strings hold. */
function codeOf(module: string): string {
  const text = readFileSync(path.join(root, module), 'utf8')
  return text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'/g, '')
}

type Edge = readonly [from: string, to: string]

function groupBySource(edges: readonly Edge[]): Map<string, Edge[]> {
  const groups = new Map<string, Edge[]>()
  for (const edge of edges) {
    const group = groups.get(edge[0])
    if (group) group.push(edge)
    else groups.set(edge[0], [edge])
  }
  return groups
}

/** The first circle that is found, as the nodes on it. */
function circleOf(edges: readonly Edge[]): string[] | undefined {
  const next = groupBySource(edges)
  const done = new Set<string>()
  const visit = (node: string, way: string[]): string[] | undefined => {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node]
    if (done.has(node)) return undefined
    for (const [, to] of next.get(node) ?? []) {
      const circle = visit(to, [...way, node])
      if (circle) return circle
    }
    done.add(node)
    return undefined
  }
  for (const node of next.keys()) {
    const circle = visit(node, [])
    if (circle) return circle
  }
  return undefined
}
