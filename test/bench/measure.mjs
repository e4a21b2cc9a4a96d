// One workload: start, verify, warm up, then take turns.

import fs from 'node:fs'
import path from 'node:path'
import { GiB, makeFile } from './fixture.mjs'
import { load, startServer } from './processes.mjs'
import { formatRequests, verify } from './requests.mjs'
import { servers } from './servers.mjs'

/**
 * @param bench `{ folder, state, program, profile, note }`
 * @returns a row for each server and case: the measurements of each round
 */
export async function measure(bench, workload, names) {
  const started = bench.kept ?? new Map()
  try {
    const entries = await prepare(bench, workload, names, started)
    const rounds = Math.ceil(
      bench.profile.rounds * (workload.growth ? 0.5 : (workload.rounds ?? 1)),
    )
    for (let round = 0; round < rounds && entries.length > 0; round++) {
      if (round > 0 && bench.isLate()) {
        bench.note(`${workload.name}: ${round} of ${rounds} rounds, for want of time`)
        break
      }
      const order = round % 2 === 0 ? entries : entries.toReversed()
      for (const entry of order) {
        if (round > 0 && entry.slow && bench.kept) continue
        entry.results.push(await once(bench, workload, entry))
      }
    }
    return entries
  } finally {
    if (!bench.kept) await stopAll(started)
  }
}

export async function stopAll(started) {
  await Promise.all([...started.values()].map((server) => server?.stop()))
  started.clear()
}

async function prepare(bench, workload, names, started) {
  const entries = []
  for (const name of names) {
    for (const [label, own] of Object.entries(workload.cases ?? { '': {} })) {
      const { file = 'small.bin', asks, connections = 32 } = { ...workload, ...own }
      const id = label === '' ? name : `${name} @ ${label}`
      try {
        const server = await obtain(bench, started, name, file)
        if (server === undefined) continue
        const entry = { id, name, label, server, results: [] }
        entry.slow = servers[name].slow === true
        entry.connections = entry.slow ? 1 : connections
        await verifyAnswers(bench, entry, workload, file, asks)
        await warm(bench, entry)
        entries.push(entry)
      } catch (error) {
        bench.note(`${workload.name}: ${id} is left out. ${error.message}`)
      }
    }
  }
  return entries
}

/** A server for a file: one process for all cases that request that file. */
async function obtain({ folder, state, note }, started, name, file) {
  const key = `${name} ${file}`
  if (!started.has(key)) {
    const server = makeFile(folder, file)
      ? await startServer(name, path.join(folder, file), state)
      : undefined
    if (!server) note(`${name} is not there for ${file}`)
    started.set(key, server)
  }
  return started.get(key)
}

async function verifyAnswers({ state, profile }, entry, workload, file, asks) {
  const isText = workload.file === undefined && !workload.growth
  const url = isText ? '/' : `/${file}`
  const { port } = entry.server
  const asked = await asks({ file, url, port })
  const size = asked[0].content > 0 ? asked[0].content : 1
  const most = entry.slow ? 1 : Math.max(1, Math.min(profile.verified, Math.floor(GiB / 4 / size)))
  const step = Math.ceil(asked.length / most)
  for (let i = 0; i < asked.length; i += step) await verify(port, url, file, asked[i])
  entry.requestsFile = path.join(state, `${encodeURIComponent(entry.id)}.requests`)
  entry.size = asked[0].content
  fs.writeFileSync(entry.requestsFile, formatRequests(asked, url))
}

/** Enough responses for the JIT to settle; of large ones, enough to make some GiB. */
async function warm({ program, profile }, entry) {
  const { server, size, slow } = entry
  if (slow) return
  const wanted = server.isWarm ? profile.warmUp / 3 : profile.warmUp
  const largest = Math.max(4, (profile.warmUpGiB * GiB) / Math.max(1, size))
  const warmUp = Math.ceil(Math.min(wanted, largest))
  await load(program, { ...entry, seconds: 0, least: 0, warmUp, mostWarmUp: profile.warmUpSeconds })
  server.isWarm = true
}

async function once({ program, profile, note }, workload, entry) {
  const { slow, connections } = entry
  const least = slow ? 1 : 2 * Math.min(connections, 32)
  const settle = slow ? 0 : Math.min(connections, 64)
  const seconds = profile.seconds
  const found = await load(program, {
    ...entry,
    seconds,
    least: workload.per === 'GiB' ? 1 : least,
    warmUp: settle,
    mostWarmUp: 0.2,
  })
  if (found.answers === 0) throw new Error(`${entry.id} gave no answer in ${found.seconds} s`)
  // The clock and /proc/<pid>/stat are one counter: what they say differs by ticks at most.
  if (Math.abs(found.ticks - found.cpu) > 0.03 + 0.01 * found.cpu) {
    note(`${entry.id}: ${found.ticks} s of CPU by /proc/<pid>/stat, ${found.cpu} s by its clock`)
  }
  if (found.failures > 0) note(`${entry.id}: ${found.failures} answers failed. ${found.failure}`)
  const units = workload.per === 'GiB' ? found.bytes / GiB : found.answers
  return {
    ...found,
    cost: found.cpu / units,
    rate: units / found.seconds,
    busy: found.cpu / found.seconds,
    generatorBusy: found.generator / found.seconds,
  }
}
