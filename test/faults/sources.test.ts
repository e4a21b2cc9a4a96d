// Sources that fail in every way: what the client sees, and how the source is closed.

import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { type ByteRange, type Source, fromReader, type Transfer } from '@range-serve/core'
import { rangeServe } from '@range-serve/express'
import { contentOf, expectedOf, kindsOfResponse } from '../support/kinds.ts'
import { begin } from '../support/clients.ts'
import { bytes } from '../support/files.ts'
import { until } from '../support/fixture.ts'
import { protocols, type Sent } from '../support/frameworks.ts'
import type { Running } from '../support/listen.ts'
import { ask } from '../support/raw.ts'
import { startExpress5 } from '../support/express-apps.ts'

const length = 1024 * 1024
const whole = bytes.subarray(0, length)
const kinds = kindsOfResponse(length)
const failure = Object.assign(new Error('the disk is gone'), { code: 'EIO' })
const wrong = (value: unknown): Uint8Array => value as Uint8Array
const never = new Promise<never>(() => {})

/** Yields the beginning of a range correctly, then continues as given. */
const broken = (goOn: (range: ByteRange) => AsyncIterable<Uint8Array>): Source['read'] =>
  async function* (range) {
    yield whole.subarray(range.firstPos, range.firstPos + 100_000)
    yield* goOn({ ...range, firstPos: range.firstPos + 100_000 })
  }

async function* emptyForEver(): AsyncGenerator<Uint8Array> {
  for (;;) {
    await turn()
    yield new Uint8Array(0)
  }
}

const slice = ({ firstPos, lastPos }: ByteRange) => whole.subarray(firstPos, lastPos + 1)

type Fault = [what: string, read: Source['read']]

/** Before the first byte: the framework can still respond. */
const early: Fault[] = [
  ['throws', () => { throw failure }], // prettier-ignore
  ['rejects', () => Promise.reject(failure)],
  ['gives nothing', async () => wrong(undefined)],
  ['gives a number', async () => wrong(42)],
  ['gives a stream that throws', async function* () { throw failure }], // prettier-ignore
  ['gives a stream of numbers', async function* () { yield wrong(42) }], // prettier-ignore
  ['gives a stream that is destroyed', async () => new Readable({ read() { this.destroy(failure) } })], // prettier-ignore
  ['gives a stream of nothing', async function* () {}],
]

/** After the status was sent: the response can only be cut off. */
const late: Fault[] = [
  ['throws', broken(async function* () { throw failure })], // prettier-ignore
  ['ends', broken(async function* () {})],
  ['gives a number', broken(async function* () { yield wrong(42) })], // prettier-ignore
  ['gives null', broken(async function* () { yield wrong(null) })], // prettier-ignore
  ['is destroyed', async ({ firstPos }) => {
    const stream = new Readable({ read() {} })
    stream.push(whole.subarray(firstPos, firstPos + 100_000))
    setTimeout(() => stream.destroy(failure), 10)
    return stream
  }], // prettier-ignore
]

/** Unusual, but harmless. */
const harmless: Fault[] = [
  ['gives more than was requested', async ({ firstPos }) => whole.subarray(firstPos)],
  ['streams more than was requested', async function* (range) { yield slice(range); yield whole }], // prettier-ignore
  ['gives empty chunks, many of them', async function* (range) {
    for (let i = 0; i < 20_000; i++) yield new Uint8Array(0)
    yield slice(range)
  }], // prettier-ignore
  ['never ends after the last byte', async function* (range) { yield slice(range); await never }], // prettier-ignore
]

/** Reads that have to be cancelled when the client disconnects. */
const endless: Fault[] = [
  ['never gives a stream', () => never],
  ['gives a stream of nothing, forever', async () => new Readable({ read() {} })],
  ['gives empty chunks forever', () => emptyForEver()],
  ['hangs half-way', broken(async function* () { await never })], // prettier-ignore
  ['gives empty chunks forever from half-way', broken(emptyForEver)],
  ['gives the rest when it is no longer wanted', broken(async function* (range) {
    await new Promise((resolve) => setTimeout(resolve, 200))
    yield slice(range)
  })], // prettier-ignore
]

describe.each(protocols)('%s: a source', (_name, start) => {
  let running: Sent
  let signals: AbortSignal[]
  let closed: number
  afterEach(async () => {
    await running.close()
    expect(closed, 'each is closed once').toBe(kinds.length)
  })

  async function serveFrom(read: Source['read']): Promise<void> {
    signals = []
    closed = 0
    running = await start((): Source => ({
      length,
      read(range: ByteRange, options: { signal: AbortSignal }) {
        signals.push(options.signal)
        return read(range, options)
      },
      close: () => void closed++,
    }))
  }
  const ask = ({ headers }: (typeof kinds)[number][1]) =>
    begin(running.server, running.port, { ...headers })

  /** Waits until each source is closed, once. */
  async function askForEach() {
    const responses = []
    for (const [kind, expected] of kinds) {
      responses.push([kind, expected, await ask(expected).rest()] as const)
      await until(`the source of the ${kind} is closed`, () => closed === responses.length, 1000)
    }
    return responses
  }

  it.each(early)('that %s at once is an error of the framework', async (_what, read) => {
    await serveFrom(read)
    for (const [kind, , { status, complete, content }] of await askForEach()) {
      expect(status, kind).toBe(500)
      expect(complete, kind).toBe(true)
      expect(content.includes(failure.message), kind).toBe(false)
    }
    expect(running.errors.length).toBe(kinds.length)
  })

  it.each(late)('that %s half-way does not end cleanly', async (_what, read) => {
    await serveFrom(read)
    for (const [kind, { status }, response] of await askForEach()) {
      expect(response.status, kind).toBe(status)
      expect(response.complete, kind).toBe(false)
    }
    await until('all transfers end', () => running.transfers.length === kinds.length)
    for (const transfer of running.transfers) {
      expect(transfer).toMatchObject({ aborted: true, error: expect.any(Error) })
    }
  })

  it.each(harmless)('that %s is sent to the byte', async (_what, read) => {
    await serveFrom(read)
    for (const [kind, expected, response] of await askForEach()) {
      expect(response.complete, kind).toBe(true)
      expect(contentOf(response, expected).equals(expectedOf(whole, expected)), kind).toBe(true)
    }
    await until('all transfers end', () => running.transfers.length === kinds.length)
    for (const transfer of running.transfers) expect(transfer).toMatchObject({ aborted: false })
  })

  it.each(endless)('that %s is closed when the client disconnects', async (_what, read) => {
    await serveFrom(read)
    for (const [i, [, expected]] of kinds.entries()) {
      const asked = signals.length
      const client = ask(expected)
      await until('the source is read', () => signals.length > asked)
      await new Promise((resolve) => setTimeout(resolve, 5))
      client.leave()
      await until('its signal aborts', () => signals.at(-1)!.aborted, 1000)
      await until('it is closed', () => closed === i + 1, 1000)
    }
    await until('all transfers end', () => running.transfers.length === kinds.length)
    for (const transfer of running.transfers) expect(transfer).toMatchObject({ aborted: true })
    expect(running.errors).toEqual([])
  })
})

describe('sources that misbehave', () => {
  let running: Running | undefined
  afterEach(() => running?.close())

  const closes: [what: string, close: () => void][] = [
    ['returns something other than a promise', () => ({}) as never],
    [
      'throws',
      () => {
        throw new Error('cannot close')
      },
    ],
  ]
  it.each(closes)('are sent in full even if close %s', async (_what, close) => {
    let transfer: Transfer | undefined
    running = await startExpress5(rangeServe(), (_request, response) => {
      const source = fromReader({ length: 10, read: async () => bytes.subarray(0, 10), close })
      void response.sendRange(source).then((ended) => (transfer = ended))
    })
    expect((await ask(running.port, {})).content.length).toBe(10)
    await until('it is over', () => transfer !== undefined)
    expect(transfer).toMatchObject({ aborted: false })
  })

  it('are an error even if they reject with undefined', async () => {
    running = await startExpress5(rangeServe(), (_request, response) => {
      // oxlint-disable-next-line prefer-promise-reject-errors -- the point of this test
      void response.sendRange(fromReader({ length: 10, read: () => Promise.reject() }))
    })
    expect((await ask(running.port, {})).status).toBe(500)
  })

  it('may return a string or an ArrayBuffer for bytes', async () => {
    const results = ['some text', new TextEncoder().encode('some text').buffer]
    running = await startExpress5(rangeServe(), (_request, response) => {
      const read = async () => results.shift() as never
      void response.sendRange(fromReader({ length: 9, read }))
    })
    for (let i = 0; i < 2; i++) {
      expect((await ask(running.port, {})).content.toString()).toBe('some text')
    }
  })
})
