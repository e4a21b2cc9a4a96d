// The behaviour of clients: each function is one round of one client.

import { setTimeout as delay } from 'node:timers/promises'
import { KiB, MiB } from './content.mjs'

const ways = {
  'node:http': [''],
  'HTTP/2': [''],
  Express: ['/verb', '/filter', '/static'],
  'Express on createServer': ['/verb', '/filter', '/static'],
  Koa: ['/verb', '/filter', '/static'],
}

/** A generator of numbers below a limit, the same for the same seed (mulberry32). */
function generator(seed) {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}

const pick = (random, list) => list[random(list.length)]

/**
 * Any way to any file; a filter's handler cannot stat and open a file that is replaced meanwhile.
 */
function someTarget(random, names) {
  const server = pick(random, Object.keys(ways))
  const name = pick(random, names)
  const all = ways[server].filter((way) => way !== '/filter' || name === 'steady.bin')
  return { server, way: pick(random, all), name }
}

const range = (first, last = '') => ({ Range: `bytes=${first}-${last}` })
const lengthOf = ({ headers }) => Number(/\/(\d+)$/.exec(headers['content-range'])?.[1])

/** Reports a response of an unchanged file that is not what was requested. */
function expectStatus(client, response, status, what) {
  if (!response.error && response.status !== status) client.find(`${what}: ${response.status}`)
}

/** Probes, reads the tail, and seeks here and there, disconnecting before the end. */
async function player(client, random) {
  const target = someTarget(random, ['steady.bin', 'steady.bin', 'replaced.bin', 'grown.bin'])
  const probe = await client.ask(target, range(0, 1))
  if (target.name === 'steady.bin') expectStatus(client, probe, 206, 'A probe')
  const length = lengthOf(probe)
  if (!(length > 0)) return
  await client.ask(target, { Range: 'bytes=-4096' })
  for (let seeks = 1 + random(5); seeks > 0; seeks--) {
    await client.ask(target, range(random(length)), { most: 64 * KiB + random(512 * KiB) })
  }
}

/** Downloads in eight concurrent ranges and resumes cut ones; the result must be of one version. */
async function downloadManager(client, random) {
  const target = someTarget(random, ['steady.bin', 'replaced.bin', 'replaced.bin'])
  const { headers } = await client.ask(target, {}, { method: 'HEAD' })
  const length = Number(headers['content-length'])
  const { etag } = headers
  if (!(length > 0) || etag === undefined || etag.startsWith('W/')) return
  const size = Math.ceil(length / 8)
  const pieces = await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      const last = Math.min(length, (i + 1) * size) - 1
      const most = random(3) === 0 ? 1 + random(size) : Infinity
      const chunks = []
      for (let first = i * size; first <= last;) {
        const ask = { ...range(first, last), 'If-Range': etag }
        const response = await client.ask(target, ask, chunks.length === 0 ? { most } : {})
        // Another version: a download manager starts again.
        if (response.status !== 206 || response.content.length === 0) return
        if (response.headers.etag !== etag)
          client.find(`If-Range ${etag}, and ${response.headers.etag}`)
        chunks.push(response)
        first += response.content.length
      }
      return chunks
    }),
  )
  const all = pieces.flat()
  if (all.includes(undefined)) return
  const versions = new Set(all.map(({ version }) => version))
  const total = all.reduce((sum, { content }) => sum + content.length, 0)
  if (versions.size !== 1 || total !== length) {
    client.find(`A download of ${total} of ${length} bytes has ${versions.size} versions`)
  }
}

/** Requests several ranges, in random order, some of them too near to be separate parts. */
async function multipartReader(client, random) {
  const target = someTarget(random, ['steady.bin', 'replaced.bin', 'grown.bin'])
  const specs = Array.from({ length: 2 + random(7) }, () => {
    const first = random(256 * KiB)
    return `${first}-${first + random(4 * KiB)}`
  })
  const response = await client.ask(target, { Range: `bytes=${specs.join(', ')}` })
  if (target.name !== 'steady.bin' || response.error) return
  expectStatus(client, response, 206, 'Several ranges')
  for (const [first, last] of specs.map((spec) => spec.split('-').map(Number))) {
    const isSent = response.parts?.some(
      (part) => part.first <= first && last < part.first + part.bytes.length,
    )
    if (!isSent) client.find(`${first}-${last} is in no part of ${specs.join()}`)
  }
}

/** Revalidates what it has. */
async function revalidator(client, random) {
  const target = someTarget(random, ['small.bin'])
  const { headers } = await client.ask(target)
  const { etag } = headers
  if (etag === undefined) return
  const rows = [
    [{ 'If-None-Match': etag }, 304],
    [{ 'If-None-Match': `"x", ${etag}`, Range: 'bytes=0-9' }, 304],
    [{ 'If-Modified-Since': headers['last-modified'] }, 304],
    [{ 'If-Match': '"x"' }, 412],
    [{ 'If-Match': etag, Range: 'bytes=5-9' }, 206],
    [{ 'If-Range': '"x"', Range: 'bytes=5-9' }, 200],
    [{ Range: 'bytes=20480-' }, 416],
  ]
  for (const [fields, status] of rows) {
    expectStatus(client, await client.ask(target, fields), status, JSON.stringify(fields))
  }
}

/** Reads a little, waits, and disconnects before the end. */
async function slowReader(client, random) {
  const target = someTarget(random, ['steady.bin', 'replaced.bin', 'grown.bin'])
  await client.ask(target, {}, { most: 256 * KiB + random(MiB), pauseMs: 50 + random(200) })
}

const hostile = [
  ['bytes=0-,5-0', 200], ['bytes=5-2', 200], ['items=0-4', 200], ['bytes=', 200], ['bytes=--1', 200], ['bytes=-0', 416],
  [`bytes=${'9'.repeat(500)}-`, 416], [`bytes=0-${'9'.repeat(500)}`, 206], [`bytes=${','.repeat(5000)}`, 200],
  [`bytes=${Array.from({ length: 1300 }, (_, i) => `${i}-`).join(',')}`, 206],
  [`bytes=${Array.from({ length: 900 }, (_, i) => `${1000 * i}-${1000 * i}`).join(',')}`, 200],
] // prettier-ignore

/** Sends malicious requests. */
async function attacker(client, random) {
  const [value, status] = pick(random, hostile)
  const target = someTarget(random, ['steady.bin'])
  const response = await client.ask(target, { Range: value }, { most: 128 * KiB })
  expectStatus(client, response, status, value.slice(0, 40))
}

const patterns = [player, player, downloadManager, multipartReader, revalidator, slowReader, slowReader, slowReader, attacker] // prettier-ignore

/** Runs rounds until it is stopped. */
export async function act(index, client, seed, signal) {
  const random = generator(seed * 1000 + index)
  while (!signal.aborted) {
    await patterns[index % patterns.length](client, random)
    await delay(random(40))
  }
}

/** Changes the files while they are served, until it is stopped. */
export async function change(files, seed, signal) {
  const random = generator(seed)
  while (!signal.aborted) {
    if (random(3) === 0) files.replace()
    else files.grow()
    await delay(20 + random(150))
  }
}
