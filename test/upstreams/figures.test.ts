// What a source over a network costs: requests and bytes upstream, and memory for slow clients.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import path from 'node:path'
import { fromHttp } from '@range-serve/http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { pattern, until } from '../support/fixture.ts'
import { frameworks } from '../support/frameworks.ts'
import { type Origin, startOrigin } from '../support/origin.ts'
import { ask } from '../support/raw.ts'

const bytes = pattern(16 * 1024 * 1024)
const start = frameworks.find(([name]) => name === 'Express 5')![1]
const count = 30

let origin: Origin
beforeAll(async () => {
  origin = await startOrigin({ bytes, etag: '"v1"' })
})
afterAll(() => origin.close())

it('a range costs one upstream request, and one upstream byte for each byte', async () => {
  const { seen } = origin.proxy
  const running = await start(() => fromHttp(origin.url, { metadataTtl: 60_000 }))
  let sent = 0
  for (let i = 0; i < count; i++) {
    const firstPos = (i * 7_654_321) % (bytes.length - 65_536)
    const range = `bytes=${firstPos}-${firstPos + 65_535}`
    const response = await ask(running.port, { headers: [['Range', range]] })
    expect(response.content.equals(bytes.subarray(firstPos, firstPos + 65_536))).toBe(true)
    sent += response.content.length
  }
  const received = seen.reduce((sum, { passed }) => sum + passed, 0)
  console.log(
    `${count} ranges: ${seen.length} requests upstream, ${received / sent} bytes per byte`,
  )
  // One more of each: the probe.
  expect(seen.length).toBe(count + 1)
  expect(received).toBe(sent + 1)
  expect(origin.proxy.connections).toBeLessThanOrEqual(2)
  await running.close()
})

it('a client that does not read holds less than 1 MiB', async () => {
  const script = path.join(import.meta.dirname, '../support/remote-front.mjs')
  const child = fork(script, {
    execArgv: ['--expose-gc'],
    env: { ...process.env, ORIGIN: origin.url },
  })
  const next = async <T>() => ((await once(child, 'message')) as [T])[0]
  const sockets: net.Socket[] = []
  try {
    const { port } = await next<{ port: number }>()
    const measure = async () => {
      child.send('measure')
      return next<{ rss: number; held: number }>()
    }
    // What the server needs anyway, once it has been busy.
    const read = () => fetch(`http://127.0.0.1:${port}/`).then((response) => response.arrayBuffer())
    await Promise.all(Array.from({ length: 5 }, read))
    const before = await measure()
    const { seen } = origin.proxy
    seen.length = 0
    for (let i = 0; i < count; i++) {
      const socket = net.connect(port, '127.0.0.1')
      sockets.push(socket.pause())
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    }
    const passed = () => seen.reduce((sum, each) => sum + each.passed, 0)
    await until(
      'all have begun',
      () => seen.filter((each) => each.passed > 0).length === count,
      20_000,
    )
    let last = -1
    await until(
      'nothing moves',
      async () => {
        const moved = passed() !== last
        last = passed()
        await new Promise((resolve) => setTimeout(resolve, 100))
        return !moved
      },
      20_000,
    )
    const after = await measure()
    const [held, rss] = [after.held - before.held, after.rss - before.rss].map((n) => n / count / 1024) as [number, number] // prettier-ignore
    console.log(
      `${count} clients that do not read: ${Math.round(held)} KiB held each, ${Math.round(rss)} KiB of RSS`,
    )
    // What the allocator keeps for itself varies from run to run.
    expect(held).toBeLessThan(1024)
  } finally {
    for (const socket of sockets) socket.destroy()
    child.disconnect()
    await once(child, 'exit')
  }
})
