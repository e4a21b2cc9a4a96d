// Clients of Node's own, for answers that do not come to their end.

import http from 'node:http'

/** Reads an answer as far as it comes: its bytes, and whether it said it was complete. */
export function download(
  port: number,
  headers: http.OutgoingHttpHeaders = {},
  onFirstBytes: () => void = () => {},
): Promise<{ status: number; content: Buffer; complete: boolean }> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.once('data', onFirstBytes)
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', () => {})
      response.on('close', () => {
        const { statusCode: status = 0, complete } = response
        resolve({ status, content: Buffer.concat(chunks), complete })
      })
    })
    request.on('error', reject)
  })
}

/** Begins to read an answer, and leaves after the first bytes. */
export function leave(port: number, headers: http.OutgoingHttpHeaders = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, headers, agent: false }, (response) => {
      response.once('data', () => {
        response.destroy()
        resolve()
      })
      response.on('error', () => {})
    })
    request.on('error', reject)
  })
}
