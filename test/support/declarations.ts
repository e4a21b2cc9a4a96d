// What the declaration files of the compiler export, with their doc comments.

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A function, type or class, with all of its overloads. */
export interface Declared {
  readonly name: string
  /** The text between the marks of the doc comment; empty if there is none. */
  readonly doc: string
  /** Declarations, without the `export declare` in front. */
  readonly code: readonly string[]
  readonly isType: boolean
}

export interface Entry {
  readonly declared: readonly Declared[]
  /** What is exported of other packages, by their names; `*` stands for all of their types. */
  readonly borrowed: ReadonlyMap<string, readonly string[]>
  /** Declarations that add to the types of a framework. */
  readonly additions: readonly Declared[]
}

interface Statement {
  readonly doc: string
  readonly text: string
}

/** Reads an entry point, and what it exports of its neighbours. */
export function readEntry(file: string): Entry {
  const declared: Declared[] = []
  const borrowed = new Map<string, string[]>()
  const statements = statementsOf(readFileSync(file, 'utf8'))
  for (const { text } of statements) {
    const [, list, star, from] =
      /^export (?:type )?(?:\{([^}]*)\}|(\*)) from '([^']+)'/.exec(text) ?? []
    if (from === undefined) continue
    const names = star
      ? ['*']
      : list!
          .split(',')
          .map(cleanName)
          .filter((name) => name !== '')
    if (from.startsWith('.')) {
      const all = exportsOf(join(dirname(file), from.replace(/\.ts$/, '.d.ts')))
      declared.push(...names.map((name) => find(all, name, from)))
    } else {
      borrowed.set(from, [...(borrowed.get(from) ?? []), ...names])
    }
  }
  declared.push(...declaredBy(statements))
  return { declared, borrowed, additions: statements.flatMap(additionsOf) }
}

function find(all: readonly Declared[], name: string, from: string): Declared {
  const found = all.find((one) => one.name === name)
  if (!found) throw new Error(`${from} does not declare ${name}`)
  return found
}

const cleanName = (text: string) => text.trim().replace(/^type /, '')

/** All that a file exports, directly or of its neighbours. */
function exportsOf(file: string): readonly Declared[] {
  return readEntry(file).declared
}

function declaredBy(statements: readonly Statement[]): readonly Declared[] {
  const byName = new Map<string, Declared>()
  for (const { doc, text } of statements) {
    const [, kind, name] = /^export (?:declare )?(?:abstract )?(function|interface|type|class|const) (\w+)/.exec(text) ?? [] // prettier-ignore
    if (name === undefined) continue
    const code = text.replace(/^export (?:declare )?/, '')
    const known = byName.get(name)
    byName.set(name, {
      name,
      doc: [known?.doc ?? '', doc].filter((part) => part !== '').join('\n\n'),
      code: [...(known?.code ?? []), code],
      isType: kind === 'interface' || kind === 'type',
    })
  }
  return [...byName.values()]
}

/** The members of `declare global` and `declare module`, each of which is a method of an interface. */
function additionsOf({ text }: Statement): readonly Declared[] {
  if (!/^declare (?:global|module|namespace)\b/.test(text)) return []
  const [, name = ''] = /interface (\w+) \{/.exec(text) ?? []
  const inside = text.slice(text.indexOf('{', text.indexOf('interface')) + 1)
  const members = statementsOf(inside.slice(0, inside.indexOf('}')))
  return members.map((member) => ({
    name: `${name}.${/^\w+/.exec(member.text)![0]}`,
    doc: member.doc,
    code: [member.text],
    isType: false,
  }))
}

const token = /\/\*\*?[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[{}()[\];]/g

/** Divides a text at the ends of its outermost statements. */
function statementsOf(text: string): readonly Statement[] {
  const statements: Statement[] = []
  let doc = ''
  let start = 0
  let depth = 0
  for (const { 0: found, index } of text.matchAll(token)) {
    const isBetween = depth === 0 && text.slice(start, index).trim() === ''
    if (found.startsWith('/')) {
      // A comment between statements describes the next one; another belongs to its statement.
      if (!isBetween) continue
      if (found.startsWith('/**')) doc = stripMarks(found)
      start = index + found.length
    } else if ('{(['.includes(found)) {
      depth++
    } else if ('})]'.includes(found)) {
      depth--
      if (depth === 0 && found === '}' && endsWithBrace(text.slice(start).trim())) end(index + 1)
    } else if (found === ';' && depth === 0) {
      end(index + 1)
    }
  }
  return statements

  function end(position: number): void {
    const statement = text.slice(start, position).trim()
    if (statement !== ';') statements.push({ doc, text: statement })
    doc = ''
    start = position
  }
}

/** An interface, a class or a module ends with its brace; all else with a semicolon. */
function endsWithBrace(statement: string): boolean {
  return /^(?:export )?(?:declare )?(?:abstract )?(?:interface|class|global|module|namespace)\b/.test(
    statement,
  )
}

function stripMarks(comment: string): string {
  return comment
    .slice(3, -2)
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim()
}
