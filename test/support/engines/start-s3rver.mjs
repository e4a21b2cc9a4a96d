#!/usr/bin/env node
// usage: start-s3rver.mjs   s3rver, a store that ignores If-Match and counts suffixes wrong.
// Prints one JSON line when ready; stops on SIGTERM.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import S3rver from 's3rver'

const dir = mkdtempSync(join(tmpdir(), 's3rver-'))
const server = new S3rver({
  port: 0,
  address: '127.0.0.1',
  silent: true,
  directory: dir,
  configureBuckets: [],
})
const { port } = await server.run()
process.on('SIGTERM', () => {
  rmSync(dir, { recursive: true, force: true })
  process.exit(0)
})
const endpoint = `http://127.0.0.1:${port}`
const account = { region: 'us-east-1', accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }
console.log(
  JSON.stringify({ kind: 's3', engine: 's3rver', endpoint, port, ...account, pid: process.pid }),
)
