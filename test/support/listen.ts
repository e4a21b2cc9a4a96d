import http from 'node:http'
import type { Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'

export interface Running {
  readonly port: number
  readonly server: http.Server | Http2Server
  close(): Promise<void>
}

/** Starts a server on a free port of this machine. */
export function listen(server: http.Server | Http2Server): Promise<Running> {
  // Of HTTP/2 the sockets, too: a session of Node 24 that was closed before does not always destroy its own.
  const open = new Set<{ destroy(): void }>()
  for (const event of ['session', 'connection']) {
    server.on(event, (connection: { destroy(): void }) => open.add(connection))
  }
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      const close = () =>
        new Promise<void>((closed) => {
          server.close(() => closed())
          if (server instanceof http.Server) server.closeAllConnections()
          for (const each of open) each.destroy()
        })
      resolve({ port, server, close })
    })
  })
}
