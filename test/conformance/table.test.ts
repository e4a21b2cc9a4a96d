import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { requirements } from './requirements.ts'
import { servers } from './servers.ts'

const pathOf = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url))
const table = pathOf('packages/core/CONFORMANCE.md')
const readme = pathOf('README.md')
const line = /(?<=<!-- requirements -->\n)[\s\S]*(?=<!-- \/requirements -->)/

/** Formats rows of cells, the first of which are the heads, as Markdown with aligned columns. */
function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)))
  const rule = widths.map((width) => '-'.repeat(width))
  return [lines[0]!, rule, ...lines.slice(1)].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

const combinations = servers.length * requirements.length
const otherwise = servers.flatMap((server) => Object.values(server.otherwise))
const figures = `${requirements.length} requirements of RFC 9110, each tested on ${servers.length} servers (framework, source and way to send it) over HTTP/1.1 or HTTP/2: ${combinations - otherwise.length} of ${combinations} combinations hold`

function formatRequirements(): string {
  const reasons = [...new Set(otherwise)].map(
    (reason) => `- ${reason} (${otherwise.filter((other) => other === reason).length})`,
  )
  const escape = (text: string) => text.replaceAll('*', String.raw`\*`)
  return `# Conformance

${figures}. The others are decided by other code, before or after range-serve:

${reasons.join('\n')}

${formatTable([
  ['RFC 9110', 'Level', 'A server is to', 'Row'],
  ...requirements.map(({ id, level, section, says }) => [
    `§${section}`,
    level === 'OURS' ? 'our choice' : level,
    escape(says),
    `\`${id}\``,
  ]),
])}
`
}

const formatLine = () =>
  `\n${figures}. The others, with the reason of each, and the table are in [CONFORMANCE.md](packages/core/CONFORMANCE.md).\n\n`

it('is the table in CONFORMANCE.md, and a line of the README; RANGE_SERVE_UPDATE=1 updates them', () => {
  const text = fs.readFileSync(readme, 'utf8')
  if (process.env['RANGE_SERVE_UPDATE'] === '1') {
    fs.writeFileSync(table, formatRequirements())
    fs.writeFileSync(
      readme,
      text.replace(line, () => formatLine()),
    )
  } else {
    expect(line.exec(text)?.[0]).toBe(formatLine())
    expect(fs.readFileSync(table, 'utf8')).toBe(formatRequirements())
  }
})
