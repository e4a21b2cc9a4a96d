// A soak: npm run soak -- [--minutes 10] [--seed 1]
//
// Every kind of server, in a separate process, under every kind of client; every byte is checked.

import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Client } from './client.mjs'
import { Files, MiB } from './content.mjs'
import { act, change } from './patterns.mjs'

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
  },
})
const seed = Number(options.seed)
const actors = 18
const intervalMs = 10_000

const parent = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir()
const folder = fs.mkdtempSync(path.join(parent, 'range-serve-soak-'))
const files = new Files(folder)
const server = await startServer()
process.on('exit', () => {
  server.child.kill('SIGKILL')
  fs.rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))
server.child.once('exit', (code) => fail(`The server ended with ${code}`))

console.log(`Seed ${seed}, Node ${process.version}, ${server.versions}, ${actors} clients`)
// Each server has responded once before memory is compared: lazily loaded code stays loaded.
const warmUp = new Client(server.ports, files)
for (const name of Object.keys(server.ports)) {
  const way = name === 'HTTP/2' || name === 'node:http' ? '' : '/verb'
  await warmUp.ask({ server: name, way, name: 'small.bin' })
}
warmUp.close()
const idle = await untilIdle(Infinity)

const client = new Client(server.ports, files)
const stopping = new AbortController()
const acting = Array.from({ length: actors }, (_, i) => act(i, client, seed, stopping.signal))
const changing = change(files, seed, stopping.signal)
for (const each of [...acting, changing]) each.catch((error) => fail(error.stack))

const begun = performance.now()
const samples = []
console.log('     s  requests  MiB checked  wrong  hangs  descriptors  RSS MiB  heap MiB  errors')
while (performance.now() - begun < Number(options.minutes) * 60_000 - 1000) {
  await delay(intervalMs)
  samples.push(await sample())
}
stopping.abort()
await Promise.all([...acting, changing])
client.close()
const rested = await untilIdle(idle)
console.log(`descriptors: ${idle} before, ${rested} after`)

const { unhandled, errors } = await server.ask()
console.log(`errors that the frameworks reported: ${JSON.stringify(errors)}`)
for (const text of [...client.findings, ...unhandled]) console.log(text)
const [first, last] = [third(0), third(2)]
console.log(
  `heap: median ${first.toFixed(1)} MiB in the first third, ${last.toFixed(1)} MiB in the last`,
)
const verdicts = [
  [client.wrong === 0, 'bytes or responses were wrong'],
  [client.hangs === 0, 'responses hung'],
  [unhandled.length === 0, 'rejections or exceptions were unhandled'],
  [rested <= idle, 'descriptors stayed open'],
  [last <= first * 1.2 + 10, 'the heap has grown'],
]
const failed = verdicts.filter(([isRight]) => !isRight).map(([, text]) => text)
if (failed.length > 0) fail(failed.join('; '))
console.log(
  `${client.requests} requests, ${(client.bytes / MiB).toFixed(0)} MiB checked: all right`,
)
process.exit(0)

async function sample() {
  const { rss, heapUsed, descriptors } = await server.ask()
  const seconds = (performance.now() - begun) / 1000
  const columns = [
    [seconds, 6], [client.requests, 10], [client.bytes / MiB, 13], [client.wrong, 7], [client.hangs, 7],
    [descriptors, 13], [rss / MiB, 9],
  ] // prettier-ignore
  const row = columns.map(([value, width]) => value.toFixed(0).padStart(width)).join('')
  const heap = heapUsed / MiB
  console.log(`${row}${heap.toFixed(1).padStart(10)}  ${JSON.stringify(client.errors)}`)
  return heap
}

/** The median of a third of the samples; the first sample is the warm-up. */
function third(index) {
  const warm = samples.slice(1)
  const size = Math.ceil(warm.length / 3)
  const values = warm.slice(index === 0 ? 0 : -size, index === 0 ? size : undefined)
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}

/** How many descriptors are open once the server is idle, or after some seconds. */
async function untilIdle(expected) {
  let { descriptors } = await server.ask()
  for (let i = 0; i < 20 && (i < 4 || descriptors > expected); i++) {
    await delay(500)
    ;({ descriptors } = await server.ask())
  }
  return descriptors
}

async function startServer() {
  const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'server.mjs')
  const child = spawn(process.execPath, ['--expose-gc', script, folder], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  const next = () => new Promise((resolve) => child.once('message', resolve))
  const ask = async () => {
    const reported = next()
    child.send('report')
    const late = setTimeout(() => fail('The server is silent'), 30_000)
    return reported.finally(() => clearTimeout(late))
  }
  return { child, ask, ...(await next()) }
}

function fail(text) {
  console.error(`Failed (--seed ${seed}): ${text}`)
  process.exit(1)
}
