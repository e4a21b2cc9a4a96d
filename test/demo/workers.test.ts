// The demo as two processes that share a port.

import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Example, examples, startExample } from '../support/example.ts'
import { until } from '../support/fixture.ts'
import { ask, field } from '../support/raw.ts'

const bytes = readFileSync(`${examples}media-server/media/dive.mp4`)
const path = '/media/dive.mp4'

interface Report {
  readonly event: string
  readonly pid: number
  readonly aborted?: boolean
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The events that a client gets from all processes. */
async function follow({ port }: Example) {
  const aborter = new AbortController()
  const { signal } = aborter
  const response = await fetch(`http://localhost:${port}/api/transfers`, { signal })
  let text = ''
  const read = async () => {
    for await (const chunk of response.body!) text += Buffer.from(chunk).toString()
  }
  // It ends with an error when either side aborts.
  const reading = read().catch(() => {})
  return {
    reports: () =>
      [...text.matchAll(/^event: (start|end)\ndata: (.*)$/gm)].map(([, event, json]): Report => {
        const { id, aborted } = JSON.parse(json!)
        return { event: event!, pid: Math.floor(id / 1e9), aborted }
      }),
    close: async () => {
      aborter.abort()
      await reading
    },
  }
}

describe('The demo with two workers', () => {
  let demo: Example
  let events: Awaited<ReturnType<typeof follow>>
  beforeEach(async () => {
    demo = await startExample('media-server/server.mjs', [process.execPath], { WORKERS: '2' })
    events = await follow(demo)
  })
  afterEach(async () => {
    const all = [demo.pid, ...workers()]
    await events.close()
    process.kill(demo.pid, 'SIGTERM')
    await until('all have ended', () => !all.some((pid) => isAlive(pid)))
  })

  const workers = () => new Set(events.reports().map(({ pid }) => pid))

  /** Requests a byte, on connections of their own, until both have responded. */
  async function fromBoth(): Promise<Set<string | undefined>> {
    const tags = new Set<string | undefined>()
    await until('both workers have responded', async () => {
      const response = await ask(demo.port, { path, headers: [['Range', 'bytes=0-0']] })
      tags.add(field(response, 'ETag'))
      return workers().size === 2
    })
    return tags
  }

  /** Sets the speed of the line, of both workers. */
  async function setLine(speed: 'slow' | 'fast'): Promise<void> {
    const headers = [['Content-Length', '0']] as const
    await ask(demo.port, { method: 'POST', path: `/api/line/${speed}`, headers })
    const isSet = async () => {
      const { content } = await ask(demo.port, { path: '/api/line' })
      return JSON.parse(String(content)).slow === (speed === 'slow')
    }
    // Consecutive connections belong to different workers.
    await until('both have it', async () => (await isSet()) && isSet())
  }

  it('has the same tag from both, and one map', async () => {
    expect([...(await fromBoth())]).toEqual([expect.stringMatching(/^"/)])
  })

  it('resumes a download at the other when one dies', async () => {
    await fromBoth()
    const url = `http://localhost:${demo.port}${path}`
    const followers = [await follow(demo), await follow(demo)]
    await setLine('slow')
    const count = events.reports().length
    const broken = await fetch(url)
    let got = Buffer.alloc(0)
    let killed = 0
    try {
      for await (const chunk of broken.body!) {
        got = Buffer.concat([got, chunk])
        if (killed > 0) continue
        await until('it is reported', () => events.reports().length > count)
        killed = events.reports()[count]!.pid
        process.kill(killed, 'SIGKILL')
      }
    } catch {
      // The download was cut off.
    }
    expect(got.length).toBeGreaterThan(0)
    expect(got.length).toBeLessThan(bytes.length)
    await until('its end is reported by the other', () => {
      const reports = followers.flatMap((each) => each.reports())
      return reports.some(({ event, pid, aborted }) => event === 'end' && aborted && pid === killed)
    })
    await Promise.all(followers.map((each) => each.close()))
    await setLine('fast')
    const etag = broken.headers.get('etag')!
    const headers = [
      ['Range', `bytes=${got.length}-`],
      ['If-Range', etag],
    ] as const
    const rest = await ask(demo.port, { path, headers })
    expect(rest.status).toBe(206)
    expect(Buffer.concat([got, rest.content]).equals(bytes)).toBe(true)
  })
})
