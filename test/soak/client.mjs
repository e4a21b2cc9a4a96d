// A client that checks every byte, and notices a response that hangs.

import http from 'node:http'
import http2 from 'node:http2'
import { setTimeout as delay } from 'node:timers/promises'
import { findWrong } from './content.mjs'

const hangMs = 10_000
/**
 * Many short sessions: whatever serves, Node keeps counting some of what a reset stream held, and
 * refuses the streams of a session after about 600 of those.
 */
const sessionCount = 16
const usesOfSession = 500

export class Client {
  #ports
  #files
  #agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
  #sessions = Array.from({ length: sessionCount }, () => ({ uses: 0 }))
  /** What has happened so far. */
  requests = 0
  bytes = 0
  wrong = 0
  hangs = 0
  errors = {}
  /** The first few errors, in words. */
  findings = []

  constructor(ports, files) {
    this.#ports = ports
    this.#files = files
  }

  /**
   * Requests a file and checks the response.
   *
   * @param target which server, the path of the way to send, and the name of the file
   * @param options `most`: disconnect after so many bytes; `pauseMs`: wait between reads
   * @returns the response; `complete` if it is everything that was promised
   */
  async ask(
    { server, way, name },
    headers = {},
    { method = 'GET', most = Infinity, pauseMs = 0 } = {},
  ) {
    this.requests++
    const path = `${way}/${name}`
    const response = { status: 0, headers: {}, complete: false, left: false }
    const what = `${server} ${method} ${path} ${JSON.stringify(headers).slice(0, 200)}`
    const asked = { server, path, method, headers }
    const chunks = []
    let length = 0
    try {
      const opened = server === 'HTTP/2' ? this.#openHttp2(asked) : this.#openHttp1(asked)
      const { body, leave } = await orHang(opened.then((head) => Object.assign(response, head)))
      const iterator = body[Symbol.asyncIterator]()
      while (!response.complete && !response.left) {
        const { done, value } = await orHang(iterator.next()).catch((error) => {
          leave()
          throw error
        })
        if (done) {
          response.complete = true
        } else {
          chunks.push(value)
          length += value.length
          if (pauseMs > 0) await delay(pauseMs)
          response.left = length >= most
        }
      }
      if (response.left) leave()
    } catch (error) {
      response.error = error
    }
    response.content = Buffer.concat(chunks)
    this.bytes += length
    this.#judge(response, what, name, method)
    return response
  }

  /** Counts an error. */
  find(text) {
    this.wrong++
    if (this.findings.length < 20) this.findings.push(text)
  }

  close() {
    this.#agent.destroy()
    for (const { session } of this.#sessions) session?.destroy()
  }

  #openHttp1({ server, path, method, headers }) {
    return new Promise((resolve, reject) => {
      const target = { host: '127.0.0.1', port: this.#ports[server], agent: this.#agent }
      const request = http.request({ ...target, path, method, headers }, (response) => {
        const { statusCode: status, headers: fields } = response
        resolve({ status, headers: fields, body: response, leave: () => response.destroy() })
      })
      request.on('error', reject)
      request.end()
    })
  }

  #openHttp2({ path, method, headers }) {
    const slot = this.#sessions[this.requests % sessionCount]
    if (slot.uses++ % usesOfSession === 0 || slot.session.destroyed || slot.session.closed) {
      slot.session?.close()
      slot.session = http2.connect(`http://127.0.0.1:${this.#ports['HTTP/2']}`)
      slot.session.on('error', () => {})
    }
    const { session } = slot
    return new Promise((resolve, reject) => {
      const stream = session.request({ ':path': path, ':method': method, ...headers })
      stream.on('error', reject)
      stream.on('response', (fields) => {
        // A stream with unread content would not close by itself.
        const leave = () => {
          stream.close(http2.constants.NGHTTP2_CANCEL)
          stream.destroy()
        }
        resolve({ status: fields[':status'], headers: fields, body: stream, leave })
      })
      stream.end()
    })
  }

  #judge(response, what, name, method) {
    const { status, headers, error, content } = response
    if (error) {
      if (error.message === 'hang') this.hangs++
      const kind = error.code ?? error.message
      this.errors[kind] = (this.errors[kind] ?? 0) + 1
    }
    // Only a file that is truncated during a response may be cut, or fail before it has begun.
    const mayFail = name === 'grown.bin'
    if (error && !mayFail) this.find(`${what}: cut by ${error.code ?? error.message}`)
    if (status === 404 || (status >= 500 && !mayFail)) return this.find(`${what}: ${status}`)
    if ((status !== 200 && status !== 206) || method === 'HEAD') return
    const promised = Number(headers['content-length'])
    if (response.complete && content.length !== promised) {
      return this.find(`${what}: ${content.length} bytes of ${promised}`)
    }
    const parts = partsOf(response)
    // Several parts are checked once all have arrived.
    if (!parts) return response.complete ? this.find(`${what}: not framed`) : undefined
    const versions = this.#files.versions(name, headers['last-modified'])
    const isOf = (version) =>
      parts.every(({ first, bytes }) => findWrong(version, first, bytes) < 0)
    response.version = versions.find(isOf)
    response.parts = parts
    if (response.version !== undefined) return
    const { first, bytes } = parts.find(
      (part) => findWrong(versions[0], part.first, part.bytes) >= 0,
    )
    const at = findWrong(versions[0], first, bytes)
    this.find(`${what}: ${status}, wrong at ${at} of the ${bytes.length} bytes from ${first}`)
  }
}

/** Settles as a promise does, or rejects after a time limit. */
async function orHang(promise) {
  let timer
  const hang = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('hang')), hangMs)
  })
  try {
    return await Promise.race([promise, hang])
  } finally {
    clearTimeout(timer)
  }
}

/** The ranges that a response claims, and their bytes; `undefined` if its framing is wrong. */
function partsOf({ status, headers, content }) {
  if (status === 200) return [{ first: 0, bytes: content }]
  const range = headers['content-range']
  if (range !== undefined) {
    const [, first, last] = /^bytes (\d+)-(\d+)\//.exec(range)
    const isLonger = content.length > Number(last) - Number(first) + 1
    return isLonger ? undefined : [{ first: Number(first), bytes: content }]
  }
  const boundary = /boundary=(\w+)$/.exec(headers['content-type'])?.[1]
  if (!boundary || !content.toString('latin1').endsWith(`\r\n--${boundary}--\r\n`)) return
  if (!content.toString('latin1', 0, 80).startsWith(`\r\n--${boundary}\r\n`)) return
  const parts = []
  let at = 0
  for (;;) {
    const head = content.indexOf('\r\n\r\n', at)
    if (head < 0) return parts
    const fields = content.toString('latin1', at, head)
    const [, first, last] = /content-range: bytes (\d+)-(\d+)\//i.exec(fields) ?? []
    if (!fields.includes(`--${boundary}`) || first === undefined) return
    const end = head + 4 + Number(last) - Number(first) + 1
    parts.push({ first: Number(first), bytes: content.subarray(head + 4, end) })
    at = end + 2
    if (content.toString('latin1', at).startsWith(`--${boundary}--`)) return parts
  }
}
