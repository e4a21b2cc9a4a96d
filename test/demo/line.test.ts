// The demo's slow line, between a server and a connection whose every write is held until released.

import { EventEmitter, once } from 'node:events'
import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { Line } from '../../examples/media-server/line.mjs'
import { until } from '../support/fixture.ts'

class HeldSocket extends Duplex {
  readonly held: { readonly chunk: Buffer; readonly release: (error?: Error) => void }[] = []

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, release: (error?: Error | null) => void): void {
    this.held.push({ chunk, release })
  }
}

/** A slow connection, and the socket that it writes to. */
function connect(): { connection: Duplex; socket: HeldSocket } {
  const server = Object.assign(new EventEmitter(), { closeIdleConnections: () => {} })
  let connection: Duplex | undefined
  server.on('connection', (accepted: Duplex) => (connection = accepted))
  new Line(server).set(true)
  const socket = new HeldSocket()
  server.emit('connection', socket)
  onTestFinished(() => void connection?.destroy())
  return { connection: connection!, socket }
}

test('acknowledges a write once all of it was passed on', async () => {
  const { connection, socket } = connect()
  const bytes = Buffer.from(Array.from({ length: 25_000 }, (_, index) => index % 251))
  let acknowledged = false
  connection.write(bytes, () => (acknowledged = true))
  const passed: Buffer[] = []
  while (passed.reduce((sum, chunk) => sum + chunk.length, 0) < bytes.length) {
    const count = passed.length
    await until('the next part is passed on', () => socket.held.length > count)
    // Several ticks: the line waits for the part that it has passed on, with the rest and the callback.
    await sleep(100)
    expect(socket.held).toHaveLength(count + 1)
    expect(acknowledged).toBe(false)
    passed.push(socket.held[count]!.chunk)
    socket.held[count]!.release()
  }
  await until('the write is acknowledged', () => acknowledged)
  expect(passed.length).toBeGreaterThan(1)
  expect(Buffer.concat(passed).equals(bytes)).toBe(true)
})

test('asks for no more while the client does not read', async () => {
  const { connection, socket } = connect()
  let drained = 0
  connection.on('drain', () => drained++)
  expect(connection.write(Buffer.alloc(connection.writableHighWaterMark))).toBe(false)
  await sleep(100)
  expect(drained).toBe(0)
  await until('it asks for more', () => {
    for (const { release } of socket.held.splice(0)) release()
    return drained === 1
  })
})

test('is destroyed with an error of its socket, and has no write left to acknowledge', async () => {
  const { connection, socket } = connect()
  const failed = once(connection, 'error')
  let outcome: unknown = 'none'
  connection.on('error', () => {})
  connection.write(Buffer.alloc(5000), (error) => (outcome = error))
  await until('it is passed on', () => socket.held.length === 1)
  const error = new Error('reset')
  socket.held[0]!.release(error)
  expect(await failed).toEqual([error])
  await until('the write fails', () => outcome !== 'none')
  expect(outcome).toBe(error)
  expect(connection.destroyed).toBe(true)
})
