import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { PassThrough } from 'node:stream'
import { coverage } from '@range-serve/core'

const sampleMs = 100
const heartbeatMs = 15_000

/**
 * What is being sent, as server-sent events: `start`, `progress` while the bytes go, and `end`; and
 * `coverage`, how often each byte of a file has been sent so far.
 *
 * The packages publish a live object when a response begins and again when it is over. In between
 * its `bytesSent` is sampled, so that a chunk costs nothing.
 */
export class TransferFeed {
  #prefix
  #followers = new Set()
  #active = new Map()
  #covered = new Map()
  #count = 0
  #sampler
  #heartbeat

  /** Reports the requests whose target begins with `prefix`. */
  constructor(prefix) {
    this.#prefix = prefix
    subscribe('range-serve:transfer:start', this.#start)
    subscribe('range-serve:transfer', this.#end)
    this.#heartbeat = setInterval(() => this.#write(':\n\n'), heartbeatMs)
  }

  /** A stream of events for one client; those that are being sent come first. */
  follow() {
    const follower = new PassThrough()
    this.#followers.add(follower)
    follower.on('close', () => this.#followers.delete(follower))
    follower.write('retry: 1000\n\n')
    for (const [path, covered] of this.#covered) follower.write(formatCoverage(path, covered))
    for (const [transfer, { id }] of this.#active) follower.write(format('start', id, transfer))
    return follower
  }

  close() {
    unsubscribe('range-serve:transfer:start', this.#start)
    unsubscribe('range-serve:transfer', this.#end)
    clearInterval(this.#heartbeat)
    clearInterval(this.#sampler)
    for (const follower of this.#followers) follower.end()
  }

  #start = (transfer) => {
    if (!transfer.url.startsWith(this.#prefix)) return
    const id = ++this.#count
    this.#active.set(transfer, { id, reported: 0 })
    this.#sampler ??= setInterval(this.#sample, sampleMs)
    this.#write(format('start', id, transfer))
  }

  #sample = () => {
    for (const [transfer, state] of this.#active) {
      if (transfer.bytesSent === state.reported) continue
      state.reported = transfer.bytesSent
      this.#write(format('progress', state.id, transfer))
    }
  }

  #end = (transfer) => {
    const state = this.#active.get(transfer)
    if (!state) return
    this.#active.delete(transfer)
    if (this.#active.size === 0) {
      clearInterval(this.#sampler)
      this.#sampler = undefined
    }
    this.#write(format('end', state.id, transfer))
    if (transfer.bytesSent > 0) this.#cover(transfer)
  }

  #cover(transfer) {
    const [path] = transfer.url.split('?')
    const covered = coverage([transfer], { previous: this.#covered.get(path) })
    this.#covered.set(path, covered)
    this.#write(formatCoverage(path, covered))
  }

  // A client that has stopped reading is disconnected; its EventSource reconnects once it reads again.
  #write(event) {
    for (const follower of this.#followers) {
      if (follower.writableLength > 1 << 20) follower.destroy()
      else follower.write(event)
    }
  }
}

function format(event, id, transfer) {
  const { method, url, status, ranges, completeLength, bytesPlanned, bytesSent } = transfer
  const { aborted, durationMs, firstByteMs, error } = transfer
  const data = { id, method, url, status, ranges, completeLength, bytesPlanned, bytesSent }
  if (event === 'end') {
    Object.assign(data, { aborted, failed: error !== undefined, durationMs, firstByteMs })
  }
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

function formatCoverage(url, { completeLength, spans }) {
  return `event: coverage\ndata: ${JSON.stringify({ url, completeLength, spans })}\n\n`
}
