// The benchmark: npm run bench -- [--quick] [--node <version,…>] [--only <workload,…>]
// [--servers <name,…>] [--costs <file>] [--list]

import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { installPeers, versionsOfPeers } from './peers.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))
const begun = performance.now()

/** `seconds` is the length of one window; a late run does no further rounds. */
const profiles = {
  full: {
    rounds: 5,
    seconds: 1.5,
    warmUp: 20_000,
    warmUpSeconds: 12,
    warmUpGiB: 8,
    verified: 64,
    slowSeconds: 8,
  },
  quick: {
    rounds: 3,
    seconds: 0.2,
    warmUp: 15_000,
    warmUpSeconds: 1.5,
    warmUpGiB: 1,
    verified: 6,
    slowSeconds: 2,
  },
}
const quickSeconds = { late: 90, over: 105 }

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    servers: { type: 'string' },
    costs: { type: 'string' },
    list: { type: 'boolean', default: false },
    node: { type: 'string' },
    // Where a run on another version of Node leaves its targets.
    targets: { type: 'string' },
  },
})

installPeers()
const { workloads } = await import('./workloads.mjs')
const { servers } = await import('./servers.mjs')
if (options.list) list()
else if (options.node) await runOnEach(options.node.split(','))
else await main()

async function main() {
  const { compileLoad, pinToLoadCore } = await import('./processes.mjs')
  const { measure, stopAll } = await import('./measure.mjs')
  const { measureSlowReaders } = await import('./slow-readers.mjs')
  const { formatSlowReaders, formatTargets, formatWorkload, rowsOfTargets } =
    await import('./report.mjs')

  const chosen = choose(workloads)
  // Certainly in memory: a page cache may lose pages in the middle of a window.
  const parent = process.env.TMPDIR ?? (fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir())
  const folder = fs.mkdtempSync(path.join(parent, 'range-serve-bench-'))
  fs.chmodSync(folder, 0o755)
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

  const served = path.join(folder, 'files')
  const state = path.join(folder, 'state')
  for (const made of [served, state]) fs.mkdirSync(made)
  const sections = []
  const notes = []
  const seconds = () => (performance.now() - begun) / 1000
  const bench = {
    folder: served,
    state,
    program: compileLoad(state),
    profile: options.quick ? profiles.quick : profiles.full,
    // A quick run keeps its servers, and so their warm JIT, from one workload to the next.
    kept: options.quick ? new Map() : undefined,
    isLate: () => options.quick && seconds() > quickSeconds.late,
    note: (text) => {
      notes.push(text)
      console.error(`  ${text}`)
    },
  }
  if (!pinToLoadCore())
    bench.note('No taskset, or no second core: servers and load are not kept apart')

  const measured = new Map()
  let slowRows
  const print = (section) => {
    sections.push(section)
    console.log(`\n${section}`)
  }
  for (const workload of chosen) {
    if (namesOf(workload).length === 0) continue
    if (options.quick && seconds() > quickSeconds.over) {
      bench.note(`${workload.name} is left out, for want of time`)
      continue
    }
    console.error(`${seconds().toFixed(0)} s: ${workload.name}`)
    if (workload.slowReaders) {
      slowRows = await measureSlowReaders(bench, workload, namesOf(workload))
      if (slowRows.length > 0) print(formatSlowReaders(workload, slowRows))
      continue
    }
    const entries = await measure(bench, workload, namesOf(workload))
    if (entries.length === 0) continue
    measured.set(workload.name, entries)
    print(formatWorkload(workload, entries))
  }
  await stopAll(bench.kept ?? new Map())
  const found = rowsOfTargets(measured, slowRows)
  if (options.targets) fs.writeFileSync(options.targets, JSON.stringify(found.rows))
  if (options.costs) fs.writeFileSync(options.costs, JSON.stringify(costsOf(measured)))
  const targets = formatTargets(found)
  if (targets !== '') console.log(`\n${targets}`)

  const report = [
    heading(),
    targets,
    '## Workloads',
    ...sections,
    ...(notes.length > 0 ? [`## Notes\n\n${notes.map((note) => `- ${note}`).join('\n')}`] : []),
  ]
  const file = path.join(here, 'results', `${new Date().toISOString().replace(/[:.]/g, '-')}.md`)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, `${report.filter(Boolean).join('\n\n')}\n`)
  console.log(`\n${path.relative(process.cwd(), file)}, after ${seconds().toFixed(0)} s`)
}

/** Runs on other versions of Node, from their npm packages, and puts the targets side by side. */
async function runOnEach(versions) {
  const { formatSideBySide } = await import('./report.mjs')
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'range-serve-nodes-'))
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
  const runs = new Map()
  for (const version of versions) {
    if (!/^\d+(\.\d+){0,2}$/.test(version)) fail(`${version} is no version of Node`)
    const name = `node-${process.platform}-${process.arch}@${version}`
    const prefix = path.join(folder, version)
    console.error(`Installing ${name}`)
    execFileSync('npm', ['install', '--silent', '--no-save', '--prefix', prefix, name], {
      stdio: 'inherit',
    })
    const node = path.join(prefix, `node_modules/node-${process.platform}-${process.arch}/bin/node`)
    const targets = path.join(folder, `${version}.json`)
    const args = ['--targets', targets, ...(options.quick ? ['--quick'] : [])]
    for (const key of ['only', 'servers']) if (options[key]) args.push(`--${key}`, options[key])
    const { status } = spawnSync(node, [fileURLToPath(import.meta.url), ...args], {
      stdio: 'inherit',
    })
    if (status !== 0) fail(`The benchmark failed on Node ${version}`)
    runs.set(version, JSON.parse(fs.readFileSync(targets, 'utf8')))
  }
  console.log(`\n${formatSideBySide(runs)}`)
}

/** The costs of each round, by workload and server: for other programs to read. */
function costsOf(measured) {
  const entries = [...measured].map(([workload, rows]) => [
    workload,
    Object.fromEntries(rows.map(({ id, results }) => [id, results.map(({ cost }) => cost)])),
  ])
  return Object.fromEntries(entries)
}

function choose(all) {
  const named = options.only?.split(',')
  for (const name of named ?? []) {
    if (!all.some((workload) => workload.name === name)) fail(`No workload is called ${name}`)
  }
  for (const name of options.servers?.split(',') ?? []) {
    if (!(name in servers)) fail(`No server is called ${name}`)
  }
  return all.filter(({ name }) => named?.includes(name) ?? true)
}

function namesOf({ servers: all, quick = all }) {
  const wanted = options.servers?.split(',')
  const names = options.quick && !wanted ? quick : all
  return wanted ? names.filter((name) => wanted.includes(name)) : names
}

function fail(message) {
  console.error(`${message}. See --list`)
  process.exit(2)
}

function list() {
  const width = Math.max(...Object.keys(servers).map((name) => name.length))
  console.log('Workloads:')
  for (const { name, title } of workloads) console.log(`  ${name.padEnd(width)}  ${title}`)
  console.log('Servers:')
  for (const [name, { about }] of Object.entries(servers))
    console.log(`  ${name.padEnd(width)}  ${about}`)
}

function heading() {
  const [{ model }] = os.cpus()
  const versions = Object.entries(versionsOfPeers()).map(([name, version]) => `${name} ${version}`)
  return [
    `# range-serve, measured${options.quick ? ' quickly' : ''}`,
    [
      `- ${new Date().toISOString()}`,
      `- ${os.cpus().length} × ${model}, ${(os.totalmem() / 2 ** 30).toFixed(0)} GiB`,
      `- ${os.type()} ${os.release()}, Node ${process.version}`,
      `- ${versions.join(', ')}`,
    ].join('\n'),
    'Server CPU is that of all its threads, user and system. Ratios are of rounds side by side:',
  ]
    .join('\n\n')
    .concat('\nthe median, and the smallest and the largest.')
}
