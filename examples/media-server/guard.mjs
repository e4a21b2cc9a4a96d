import { isIP } from 'node:net'

const loopback = ['localhost', '127.0.0.1', '[::1]']

/**
 * A request listener that refuses what a page of another site could make a browser send here.
 *
 * A page can have its own name resolve to this machine (DNS rebinding), and would then read the files
 * as its own: the Host must be a name of this server. A page can also send a POST anywhere without
 * reading the response: it must come from a page of this server, or from no page at all.
 *
 * @param host the address or name that the server listens on
 */
export function guard(host, listener) {
  const names = new Set([...loopback, nameOf(host)])
  return (request, response) => {
    const refusal = refuse(request, names)
    if (!refusal) return listener(request, response)
    const { status, reason } = refusal
    response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' })
    response.end(request.method === 'HEAD' ? undefined : `${reason}\n`)
  }
}

function refuse({ method, headers, socket }, names) {
  const { host = '', origin } = headers
  const name = host.replace(/:\d*$/, '').toLowerCase()
  // A server that listens on every address also has the name of the address that this client connected to.
  if (!names.has(name) && name !== nameOf(socket.localAddress ?? '')) {
    return { status: 421, reason: `This server does not go by the name ${JSON.stringify(name)}.` }
  }
  if (method === 'GET' || method === 'HEAD') return undefined
  const site = headers['sec-fetch-site'] ?? 'none'
  const isForeign = origin !== undefined && origin !== `http://${host}`
  if (isForeign || (site !== 'same-origin' && site !== 'none')) {
    return { status: 403, reason: `A page of another site cannot send a ${method} here.` }
  }
  return undefined
}

/** An address or a name as a Host field has it. */
function nameOf(address) {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').toLowerCase()
  return isIP(plain) === 6 ? `[${plain}]` : plain
}
