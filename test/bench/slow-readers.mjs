// The cost of slow clients: memory while they are connected, descriptors afterwards.

import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { contentAt, files, makeFile, MiB } from './fixture.mjs'
import { load, startServer } from './processes.mjs'
import { formatRequests, randomRanges } from './requests.mjs'

/** How often a reader reads what has arrived, in milliseconds. */
const tick = 250

/** @returns for each server its memory in MiB, idle and at most, and the descriptors left */
export async function measureSlowReaders(bench, workload, names) {
  const rows = []
  for (const name of names) {
    try {
      const row = await measureServer(bench, workload, name)
      if (row) rows.push(row)
    } catch (error) {
      bench.note(`${workload.name}: ${name} is left out. ${error.message}`)
    }
  }
  return rows
}

async function measureServer({ folder, state, program, profile }, workload, name) {
  const file = path.join(folder, workload.file)
  makeFile(folder, workload.file)
  const server = await startServer(name, file, state)
  if (!server) return
  try {
    const [pid] = server.pids()
    const url = `/${workload.file}`
    const requestsFile = path.join(state, 'slow-readers.requests')
    const warm = randomRanges(64 * 1024)({ file: workload.file })
    fs.writeFileSync(requestsFile, formatRequests(warm, url))
    await load(program, {
      server,
      connections: 8,
      seconds: 0,
      least: 0,
      warmUp: 1000,
      requestsFile,
    })
    await delay(500)

    const idle = memory(pid).VmRSS
    // Peak memory counts from here.
    fs.writeFileSync(`/proc/${pid}/clear_refs`, '5')
    const readers = await connectAll(server.port, url, workload)
    const timer = setInterval(() => readers.forEach((reader) => reader.take()), tick)
    const until = Date.now() + 1000 * profile.slowSeconds
    const latest = until + 8000
    const served = () => readers.filter(({ received }) => received > 0).length
    while (Date.now() < until || (served() < readers.length && Date.now() < latest))
      await delay(tick)
    clearInterval(timer)
    const open = descriptors(pid, file)
    for (const { socket } of readers) socket.destroy()
    await delay(1000)
    const wrong = readers.filter((reader) => reader.wrong).length
    if (wrong > 0) throw new Error(`${wrong} of ${readers.length} readers got wrong bytes`)
    return {
      name,
      idle,
      peak: memory(pid).VmHWM,
      served: served(),
      open,
      left: descriptors(pid, file),
      readMiB: readers.reduce((sum, { received }) => sum + received, 0) / MiB,
    }
  } finally {
    await server.stop()
  }
}

/** Readers that read what has arrived, at most 64 KiB, on demand. */
async function connectAll(port, url, { file, slowReaders, length }) {
  const places = Math.floor(files[file].length / length)
  return Promise.all(
    Array.from({ length: slowReaders }, (_, i) => {
      const first = (i % places) * length
      const socket = net.connect({ port, host: '127.0.0.1' })
      const reader = { socket, received: 0, wrong: false, head: '', take }
      function take() {
        const chunk = socket.read()
        if (chunk === null) return
        let content = chunk
        if (reader.head !== undefined) {
          reader.head += chunk.toString('latin1')
          const end = reader.head.indexOf('\r\n\r\n')
          if (end < 0) return
          if (!reader.head.startsWith('HTTP/1.1 206')) reader.wrong = true
          content = Buffer.from(reader.head.slice(end + 4), 'latin1')
          reader.head = undefined
        }
        if (!content.equals(contentAt(file, first + reader.received, content.length))) {
          reader.wrong = true
        }
        reader.received += content.length
      }
      socket.on('error', () => (reader.wrong = true))
      socket.write(
        `GET ${url} HTTP/1.1\r\nHost: localhost\r\n` +
          `Range: bytes=${first}-${first + length - 1}\r\n\r\n`,
      )
      return new Promise((resolve, reject) => {
        socket.once('connect', () => resolve(reader)).once('error', reject)
      })
    }),
  )
}

function memory(pid) {
  const text = fs.readFileSync(`/proc/${pid}/status`, 'utf8')
  const fields = text.matchAll(/^(VmRSS|VmHWM):\s+(\d+) kB/gm)
  return Object.fromEntries([...fields].map(([, name, kB]) => [name, Number(kB) / 1024]))
}

function descriptors(pid, file) {
  return fs.readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/${pid}/fd/${fd}`) === file
    } catch {
      return false
    }
  }).length
}
