// The doctor on servers that are wrong in one way each, and on a server with TLS.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import http2 from 'node:http2'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { diagnose, type Report } from '@range-serve/doctor'
import { serve } from '@range-serve/core'
import { listen, type Running } from '../support/listen.ts'
import { makeServer, wrongServers } from './wrong-servers.ts'
import { describeWith } from '../support/available.ts'
import { pattern, temporaryFolder, writeOldFile } from '../support/fixture.ts'
import { start, doctor } from '../support/doctor.ts'

const open: Running[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((running) => running.close()))
})

async function diagnoseServer(server: Parameters<typeof listen>[0]): Promise<Report> {
  const running = await listen(server)
  open.push(running)
  return diagnose(`http://127.0.0.1:${running.port}/clip.mp4`)
}

const found = ({ findings }: Report): Record<string, string> =>
  Object.fromEntries(findings.map(({ id, severity }) => [id, severity]))

describe('the doctor', () => {
  it('finds nothing wrong with a server that is right', async () => {
    const report = await diagnoseServer(makeServer({}))
    expect(found(report)).toEqual({})
    const outcomes = report.topics.flatMap(({ checks }) => checks)
    expect(outcomes.length).toBeGreaterThan(40)
    for (const { id, outcome } of outcomes) expect(outcome, id).toBe('met')
  })

  it.each(wrongServers.map((server) => [server.name, server] as const))(
    'finds what is wrong with a server that %s, and nothing else',
    async (_name, server) => {
      const report = await diagnoseServer(makeServer(server))
      expect(found(report), JSON.stringify(report.findings, null, 2)).toEqual(server.finds)
      expect(report.requests).toBeLessThanOrEqual(60)
      for (const { evidence } of report.findings) expect(evidence.length).toBeGreaterThan(0)
    },
  )
})

describeWith('openssl', 'a server with TLS', (openssl) => {
  const folder = temporaryFolder()
  const file = path.join(folder, 'clip.mp4')
  writeOldFile(file, pattern(200_000), new Date('2025-01-01T10:00:00Z'))

  async function startSecure(): Promise<string> {
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name)) as [string, string] // prettier-ignore
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-subj', '/CN=localhost'] // prettier-ignore
    if (!fs.existsSync(key)) execFileSync(openssl, args, { stdio: 'ignore' })
    const options = { key: fs.readFileSync(key), cert: fs.readFileSync(cert), allowHTTP1: true }
    const server = http2.createSecureServer(options, (request, response) => {
      void serve(request, response, file)
    })
    const url = await start(server as unknown as Parameters<typeof listen>[0])
    return url.replace('http:', 'https:')
  }

  it('cannot be checked if its certificate is not verified', async () => {
    const { status, errors } = await doctor(await startSecure())
    expect(status).toBe(2)
    expect(errors).toMatch(/has a self-signed certificate \(--insecure goes on\)/)
  })

  it('is checked with --insecure, over HTTP/2 as well, and its certificate is reported', async () => {
    const { status, output } = await doctor(await startSecure(), '--insecure')
    expect(status).toBe(1)
    expect(output).toContain('HTTP/1.1 and HTTP/2')
    expect(output).toMatch(/✓ Responds over HTTP\/2 as over HTTP\/1\.1\n/)
    expect(output).toContain('✗ The certificate cannot be verified\n')
    expect(output).toMatch(/\n1 wrong\. /)
  })
})
