// The comparison: npm run compare -- [--no-speed]
//
// What the doctor says of each server, and the benchmark of them. Kept in comparison.json, and
// written as a table to COMPARISON.md.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { formatComparison, peers } from './comparison.mjs'
import { installPeers, versionsOfPeers } from './peers.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))
const kept = path.join(here, 'comparison.json')
const page = path.join(here, '../../COMPARISON.md')

const { values: options } = parseArgs({
  options: { speed: { type: 'boolean', default: true } },
  allowNegative: true,
})

installPeers()
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'range-serve-compare-'))
fs.chmodSync(folder, 0o755)
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }))

const comparison = fs.existsSync(kept) ? JSON.parse(fs.readFileSync(kept, 'utf8')) : {}
comparison.checks = await check()
if (options.speed) comparison.speed = measure()
fs.writeFileSync(kept, `${JSON.stringify(comparison, null, 2)}\n`)
const generated = /(?<=<!-- comparison -->\n)[\s\S]*(?=<!-- \/comparison -->)/
const text = fs.readFileSync(page, 'utf8')
fs.writeFileSync(
  page,
  text.replace(generated, () => formatComparison(comparison)),
)
console.log(formatComparison(comparison))
process.exit()

/** What the doctor says of each server. */
async function check() {
  const { diagnose } = await import('../../packages/doctor/dist/index.js')
  const { startServer } = await import('./processes.mjs')
  const served = path.join(folder, 'files')
  const file = path.join(served, 'clip.mp4')
  fs.mkdirSync(served)
  fs.writeFileSync(file, Buffer.from(Uint8Array.from({ length: 1 << 20 }, (_, i) => i % 251)))
  // Older than the seconds in which a date is not yet a strong validator.
  fs.utimesSync(file, new Date('2026-01-02T03:04:05Z'), new Date('2026-01-02T03:04:05Z'))
  const servers = {}
  for (const { server } of peers) {
    console.error(`Checking ${server}`)
    const started = await startServer(server, file, folder, { quiet: true })
    if (!started) continue
    try {
      const url = `http://127.0.0.1:${started.port}/clip.mp4`
      servers[server] = outcomeOf(await diagnose(url, { timeout: 2000 }))
    } finally {
      await started.stop()
    }
  }
  return { ...circumstances(), servers }
}

/** What is kept of a report. */
function outcomeOf({ topics }) {
  const checks = topics.flatMap((topic) => topic.checks)
  return {
    met: checks.filter(({ outcome }) => outcome === 'met').length,
    of: checks.length,
    responds: !checks.some(({ why = '' }) => /respond within|nothing more|closes the/.test(why)),
    topics: Object.fromEntries(topics.map((topic) => [topic.title, markOf(topic)])),
  }
}

function markOf({ outcome, checks }) {
  const count = (wanted) => checks.filter((each) => each.outcome === wanted).length
  return outcome === 'right' && count('declined') > count('met') ? 'declined' : outcome
}

/** The CPU time of each server's requests, once it is warm: the warm-up of a quick run is too short. */
function measure() {
  const costs = path.join(folder, 'costs.json')
  const names = peers.map(({ server }) => server)
  const args = ['--only', '64k,1m', '--servers', names.join(','), '--costs', costs]
  const { status } = spawnSync(process.execPath, [path.join(here, 'run.mjs'), ...args], {
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error('The benchmark failed')
  const [{ model }] = os.cpus()
  const machine = `${os.cpus().length} × ${model}`
  return { ...circumstances(), machine, workloads: JSON.parse(fs.readFileSync(costs, 'utf8')) }
}

function circumstances() {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    versions: versionsOfPeers(),
  }
}
