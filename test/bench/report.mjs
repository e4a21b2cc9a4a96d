// The measurements as Markdown.

import { servers } from './servers.mjs'
import { slowReaderTargets, targets } from './workloads.mjs'

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The ratio of the costs of two servers that took turns, in each round. */
export function pairedRatios(over, under) {
  const rounds = Math.min(over.results.length, under.results.length)
  const ratios = Array.from(
    { length: rounds },
    (_, i) => over.results[i].cost / under.results[i].cost,
  )
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) }
}

export function formatWorkload({ title, per, growth }, entries) {
  const [reference] = entries
  const unit = per === 'GiB' ? 's CPU / GiB' : 'µs CPU / request'
  const scale = per === 'GiB' ? 1 : 1e6
  const rate = per === 'GiB' ? 'GiB/s' : 'requests/s'
  const rows = entries.map((entry) => {
    const of = (key) => median(entry.results.map((result) => result[key]))
    const base = growth ? entries.find(({ name }) => name === entry.name) : reference
    const ratio = pairedRatios(entry, base)
    const generator = of('generatorBusy')
    return [
      servers[entry.name].ours ? `**${entry.id}**` : entry.id,
      number(of('cost') * scale),
      entry === base
        ? '1'
        : `${number(ratio.median)} (${number(ratio.least)}–${number(ratio.most)})`,
      number(of('rate')),
      number(of('p99')),
      percent(of('busy')),
      percent(generator) + (generator > 0.9 ? ' ⚠' : ''),
    ]
  })
  const against = growth ? 'its first row' : reference.id
  const heads = ['', unit, `× ${against}`, rate, 'p99 ms', 'server busy', 'generator busy']
  return `### ${title}\n\n${table(heads, rows)}`
}

export function formatSlowReaders({ title }, rows) {
  const heads = [
    '',
    'idle MiB',
    'peak MiB',
    'above idle',
    'open on the file',
    'left after 1 s',
    'served',
    'read MiB',
  ]
  const cells = rows.map(({ name, idle, peak, open, left, served, readMiB }) => [
    servers[name].ours ? `**${name}**` : name,
    ...[idle, peak, peak - idle].map((value) => value.toFixed(0)),
    open,
    left,
    served,
    readMiB.toFixed(0),
  ])
  return `### ${title}\n\n${table(heads, cells)}`
}

/**
 * The targets that this run measured, as rows of cells, and the names of those that it did not.
 * `measured`: workload name → entries.
 */
export function rowsOfTargets(measured, slowRows) {
  const rows = []
  const unmeasured = []
  for (const { text, workload, ours, peer, least } of targets) {
    const entries = measured.get(workload)
    if (!entries) continue
    const our = entries.find(({ id }) => id === ours)
    const their = entries.find(({ id }) => id === peer)
    if (!our || !their) {
      unmeasured.push(`${text} (${peer})`)
      continue
    }
    const ratio = pairedRatios(their, our)
    const range = `${number(ratio.median)} (${number(ratio.least)}–${number(ratio.most)})`
    rows.push([text, peer, `≥ ${least.toFixed(2)}`, range, met(ratio.median >= least)])
  }
  for (const { name, idle, peak, left } of slowRows ?? []) {
    const { mostMiB, mostDescriptors } = slowReaderTargets
    if (!slowReaderTargets.servers.includes(name)) continue
    const above = peak - idle
    const slow = `${name}, 512 slow readers`
    rows.push([`${slow}: MiB`, 'idle', `≤ ${mostMiB}`, above.toFixed(0), met(above <= mostMiB)])
    rows.push([
      `${slow}: descriptors`,
      '–',
      `≤ ${mostDescriptors}`,
      left,
      met(left <= mostDescriptors),
    ])
  }
  return { rows, unmeasured }
}

const meaning = 'CPU of the other ÷ CPU of ours: above 1, ours is cheaper.'

/** The targets of runs on several versions of Node, side by side: version → rows. */
export function formatSideBySide(runs) {
  const keyOf = (row) => row.slice(0, 3).join('|')
  const keys = new Map()
  for (const rows of runs.values()) for (const row of rows) keys.set(keyOf(row), row.slice(0, 3))
  const rows = Array.from(keys, ([key, cells]) => [
    ...cells,
    ...Array.from(runs.values(), (found) => {
      const row = found.find((each) => keyOf(each) === key)
      return row ? `${row[3]} ${row[4]}` : 'not measured'
    }),
  ])
  const heads = ['target', 'against', 'due', ...Array.from(runs.keys(), (each) => `Node ${each}`)]
  return `## Targets\n\n${meaning}\n\n${table(heads, rows)}`
}

export function formatTargets({ rows, unmeasured }) {
  if (rows.length === 0) return ''
  const rest = unmeasured.length > 0 ? `\n\nNot measured: ${unmeasured.join(', ')}.` : ''
  const heads = ['target', 'against', 'due', 'measured', '']
  return `## Targets\n\n${meaning}\n\n${table(heads, rows)}${rest}`
}

const met = (yes) => (yes ? 'met' : '**missed**')
const percent = (part) => `${(100 * part).toFixed(0)} %`

/** Three significant digits. */
function number(value) {
  if (value >= 100) return value.toFixed(0)
  return value.toPrecision(3)
}

export function table(heads, rows) {
  const cells = [heads, ...rows].map((row) => row.map(String))
  const widths = heads.map((_, i) => Math.max(3, ...cells.map((row) => row[i].length)))
  const pad = (cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))
  const line = (row) => `| ${row.map(pad).join(' | ')} |`
  const rule = line(
    widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)),
  )
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join('\n')
}
