// Run in a project: each of its servers responds with ranges of a folder, of a file, and of bytes.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const bytes = readFileSync('media/clip.bin')
const servers = {
  module: (await import('./module.mjs')).default,
  require: createRequire(import.meta.url)('./common.cjs'),
  TypeScript: (await import('./typed.mjs')).default,
}

for (const [name, server] of Object.entries(servers)) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  for (const path of ['/media/clip.bin', '/clip', '/bytes']) {
    const url = `http://127.0.0.1:${server.address().port}${path}`
    const response = await fetch(url, { headers: { Range: 'bytes=70000-70999' } })
    const content = Buffer.from(await response.arrayBuffer())
    assert.equal(response.status, 206, `${name} ${path}`)
    assert.equal(response.headers.get('content-range'), 'bytes 70000-70999/100000')
    assert.ok(content.equals(bytes.subarray(70_000, 71_000)), `${name} ${path}: other bytes`)
  }
  server.closeAllConnections()
  server.close()
}
