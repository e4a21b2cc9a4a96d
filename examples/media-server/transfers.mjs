import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { PassThrough } from 'node:stream'
import { coverage } from '@range-serve/core'

const sampleMs = 100
const heartbeatMs = 15_000

/** An id is the process times this, and a count. */
const idsOfProcess = 1e9

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
  /** The transfers of this process, and what was reported of them. */
  #own = new Map()
  /** What is being sent, by whatever process. */
  #active = new Map()
  #covered = new Map()
  #count = 0
  #sampler
  #heartbeat

  /** Called with what happens in this process, for the feeds of others. */
  onReport

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
    for (const data of this.#active.values()) follower.write(format('start', data))
    return follower
  }

  /** Takes in what happened, here or in another process. */
  take({ event, data }) {
    if (event === 'end') this.#active.delete(data.id)
    else this.#active.set(data.id, data)
    this.#write(format(event, data))
    if (event === 'end' && data.bytesSent > 0) this.#cover(data)
  }

  /** Ends what a process that died was sending. */
  abandon(pid) {
    for (const data of this.#active.values()) {
      if (Math.floor(data.id / idsOfProcess) !== pid) continue
      this.take({ event: 'end', data: { ...data, aborted: true, failed: true } })
    }
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
    this.#own.set(transfer, { id: process.pid * idsOfProcess + ++this.#count, reported: 0 })
    this.#sampler ??= setInterval(this.#sample, sampleMs)
    this.#report('start', transfer)
  }

  #sample = () => {
    for (const [transfer, state] of this.#own) {
      if (transfer.bytesSent === state.reported) continue
      state.reported = transfer.bytesSent
      this.#report('progress', transfer)
    }
  }

  #end = (transfer) => {
    if (!this.#own.has(transfer)) return
    this.#report('end', transfer)
    this.#own.delete(transfer)
    if (this.#own.size > 0) return
    clearInterval(this.#sampler)
    this.#sampler = undefined
  }

  #report(event, transfer) {
    const report = { event, data: describe(event, this.#own.get(transfer).id, transfer) }
    this.take(report)
    this.onReport?.(report)
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

function describe(event, id, transfer) {
  const { method, url, status, ranges, completeLength, bytesPlanned, bytesSent } = transfer
  const { aborted, durationMs, firstByteMs, error } = transfer
  const data = { id, method, url, status, ranges, completeLength, bytesPlanned, bytesSent }
  if (event !== 'end') return data
  return { ...data, aborted, failed: error !== undefined, durationMs, firstByteMs }
}

function format(event, data) {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

function formatCoverage(url, { completeLength, spans }) {
  return `event: coverage\ndata: ${JSON.stringify({ url, completeLength, spans })}\n\n`
}
