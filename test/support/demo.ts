// The demo as a process, and what it reports about its responses.

import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

export const root = fileURLToPath(new URL('../..', import.meta.url))
const serverPath = 'examples/media-server/server.mjs'

export const frameworks: [name: string, options: string[]][] = [
  ['Express', ['--fast']],
  ['Koa', ['--koa', '--fast']],
]

export interface Demo {
  readonly process: ChildProcess
  readonly url: string
}

export interface Media {
  readonly folder: string
  readonly files: readonly MediaFile[]
  readonly total: number
  readonly deeper: number
}

export interface MediaFile {
  readonly name: string
  readonly url: string
  readonly size: number
  readonly type: string
}

/** What the server reports about one response when it is over. */
export interface Ended {
  readonly id: number
  readonly url: string
  readonly status: number
  readonly ranges: readonly { firstPos: number; lastPos: number }[]
  readonly bytesPlanned: number
  readonly bytesSent: number
  readonly aborted: boolean
  readonly failed: boolean
}

/* The server */

export async function start(options: string[]): Promise<Demo> {
  const child = startProcess(options, { PORT: '0' })
  const printed: string[] = []
  child.stderr!.on('data', (chunk) => printed.push(String(chunk)))
  for await (const line of createInterface(child.stdout!)) {
    printed.push(line)
    const [url] = /http:\S+/.exec(line) ?? []
    if (url !== undefined) {
      child.stdout!.resume()
      return { process: child, url }
    }
  }
  throw new Error(`The demo did not start: ${printed.join('\n')}`)
}

export async function stop(demo: Demo | undefined): Promise<void> {
  if (!demo || demo.process.exitCode !== null || demo.process.signalCode !== null) return
  const exit = once(demo.process, 'exit')
  demo.process.kill('SIGKILL')
  await exit
}

export function startProcess(options: string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, [serverPath, ...options], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Reads the server-sent events, and collects those that end a response. */
export async function follow(demo: Demo) {
  const aborter = new AbortController()
  const response = await fetch(`${demo.url}api/transfers`, { signal: aborter.signal })
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
  const names: string[] = []
  const ended: Ended[] = []
  const arrivals = new EventEmitter()
  // It ends with an error when either side aborts; until() fails if that was too early.
  read().catch(() => {})
  return {
    names,
    async until(enough: (all: readonly Ended[]) => boolean): Promise<readonly Ended[]> {
      const signal = AbortSignal.timeout(5000)
      while (!enough(ended)) await once(arrivals, 'events', { signal })
      return ended
    },
    close: () => aborter.abort(),
  }

  async function read(): Promise<void> {
    let text = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const events = (text + chunk).split('\n\n')
      text = events.pop()!
      for (const event of events) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? []
        if (name === undefined) continue
        names.push(name)
        if (name === 'end') ended.push(JSON.parse(data!) as Ended)
      }
      arrivals.emit('events')
    }
  }
}
