import { diagnose, type Report } from '@range-serve/doctor'
import { afterEach, describe, expect, it } from 'vitest'
import { listen, type Running } from '../support/listen.ts'
import { makeServer, wrongServers } from './wrong-servers.ts'

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
