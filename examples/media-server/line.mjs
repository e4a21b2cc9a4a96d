import { Duplex } from 'node:stream'

const slowBytesPerSecond = 500_000
const tickMs = 20

/**
 * The line between a server on this machine and its clients, which can be made slow: what takes
 * seconds can be watched.
 */
export class Line {
  #server
  #slow = false

  /** Stands between an HTTP server and the connections it will get. */
  constructor(server) {
    this.#server = server
    const [accept] = server.listeners('connection')
    server.off('connection', accept)
    server.on('connection', (socket) => {
      // A server takes any duplex stream for a connection; a fast one is left as it is.
      accept.call(server, this.#slow ? new SlowConnection(socket) : socket)
    })
  }

  get state() {
    return { slow: this.#slow }
  }

  /** Sets the speed of the connections to come, and has clients open new ones. */
  set(slow) {
    this.#slow = slow
    this.#server.closeIdleConnections()
    return this.state
  }
}

class SlowConnection extends Duplex {
  #socket
  #timer

  constructor(socket) {
    super({ writableHighWaterMark: 16_384 })
    this.#socket = socket
    this.remoteAddress = socket.remoteAddress
    this.localAddress = socket.localAddress
    socket.on('data', (chunk) => this.push(chunk) || socket.pause())
    socket.on('end', () => this.push(null))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
  }

  _read() {
    this.#socket.resume()
  }

  _write(chunk, _encoding, callback) {
    this.#send(chunk, callback)
  }

  _final(callback) {
    this.#socket.end(callback)
  }

  _destroy(error, callback) {
    clearTimeout(this.#timer)
    this.#socket.destroy()
    callback(error)
  }

  // The callback says that the chunk's memory may be used again, and asks for the next chunk: it
  // comes once the socket has passed all of it on, so a client that does not read holds the line up.
  #send(chunk, callback) {
    const size = (slowBytesPerSecond * tickMs) / 1000
    const rest = chunk.subarray(size)
    this.#socket.write(chunk.subarray(0, size), (error) => {
      // Short messages, such as headers and events, do not wait for the tick.
      if (error || rest.length === 0) callback(error)
      else if (!this.destroyed) this.#timer = setTimeout(() => this.#send(rest, callback), tickMs)
    })
  }
}
