// A package's API.md, of its declarations.

import type { Declared, Entry } from './declarations.ts'

/** An entry point of a package, under the name that it is imported by. */
export interface NamedEntry extends Entry {
  readonly specifier: string
}

const guide = 'https://github.com/range-serve/range-serve'

/** Formats the reference of a package as Markdown. */
export function formatReference(packageName: string, entries: readonly NamedEntry[]): string {
  const known = new Set(entries.flatMap(({ declared }) => declared.map(({ name }) => name)))
  const described = new Map<string, string>()
  const isKnown = ({ name, code }: Declared) => described.get(name) === code.join('\n')
  const parts = [
    `# ${packageName}: reference`,
    'Made of the doc comments, as editors show them. The [guide](../../README.md) says how it is used.',
  ]
  for (const { specifier, declared, additions, borrowed } of entries) {
    const own = [...additions, ...declared].filter((one) => !isKnown(one))
    const again = declared.filter(isKnown).map(({ name }) => name)
    for (const { name, code } of own) described.set(name, code.join('\n'))
    if (entries.length > 1) parts.push(`## ${specifier}`)
    parts.push(...own.filter((one) => !one.isType).map((one) => format(one, known)))
    parts.push(...own.filter((one) => one.isType).map((one) => format(one, known)))
    if (again.length > 0) parts.push(`Also exported, and described above: ${listOf(again, known)}.`)
    for (const [from, names] of borrowed) parts.push(formatBorrowed(from, names))
  }
  return `${parts.join('\n\n')}\n`
}

function listOf(names: readonly string[], known: ReadonlySet<string>): string {
  return names.map((name) => link(name, known)).join(', ')
}

function formatBorrowed(from: string, names: readonly string[]): string {
  const [, folder = ''] = /^@range-serve\/(\w+)/.exec(from) ?? []
  const what = names.map((name) => (name === '*' ? 'all types' : `\`${name}\``)).join(', ')
  return `Also exported, of [${from}](${guide}/blob/main/packages/${folder}/API.md): ${what}.`
}

function format({ name, doc, code }: Declared, known: ReadonlySet<string>): string {
  const { text, tags } = parseDoc(doc)
  const parts = [`### ${name}`]
  if (text !== '') parts.push(withLinks(text, known))
  const block = code.map(tidy).join('\n')
  parts.push(`\`\`\`ts\n${block}\n\`\`\``)
  const facts = tags.flatMap((tag) => formatTag(tag, known))
  if (facts.length > 0) parts.push(facts.join('\n'))
  for (const { kind, value } of tags) {
    if (kind === 'example') parts.push(`\`\`\`js\n${value}\n\`\`\``)
  }
  return parts.join('\n\n')
}

interface Tag {
  readonly kind: string
  readonly value: string
}

function parseDoc(doc: string): { readonly text: string; readonly tags: readonly Tag[] } {
  const [text = '', ...tags] = doc.split(/^@(?=(?:param|returns|throws|example)\b)/m)
  return {
    text: text.trim(),
    tags: tags.map((tag) => {
      const [kind = ''] = /^\w+/.exec(tag) ?? []
      return { kind, value: tag.slice(kind.length).trim() }
    }),
  }
}

function formatTag({ kind, value }: Tag, known: ReadonlySet<string>): readonly string[] {
  const line = value.replaceAll(/\s*\n\s*/g, ' ')
  if (kind === 'param') {
    const [, name = '', says = ''] = /^([\w.]+)\s+(.*)$/.exec(line) ?? []
    return [`- \`${name}\`: ${withLinks(says, known)}`]
  }
  if (kind === 'throws') return [`- Throws ${withLinks(line, known)}`]
  return kind === 'returns' ? [`- Returns ${withLinks(line, known)}`] : []
}

function withLinks(text: string, known: ReadonlySet<string>): string {
  return text.replaceAll(/\{@link (\w+)\}/g, (_, name: string) => link(name, known))
}

function link(name: string, known: ReadonlySet<string>): string {
  return known.has(name) ? `[\`${name}\`](#${name.toLowerCase()})` : `\`${name}\``
}

/** A declaration as the house writes it: two spaces, no semicolons, nothing private. */
function tidy(code: string): string {
  return (
    code
      .replaceAll(/^ *#private;\n/gm, '')
      .replaceAll(/^( {4})+/gm, (indent) => ' '.repeat(indent.length / 2))
      .replaceAll(/;$/gm, '')
      .replaceAll(/\{@link (\w+)\}/g, '`$1`')
      // Types of core that an adapter narrows are imported under such names.
      .replaceAll(/\bCore(?=[A-Z])/g, 'core.')
  )
}
