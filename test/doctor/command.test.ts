// The command: its arguments, its output and its exit status.

import http from 'node:http'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { serve } from '@range-serve/core'
import { mayColor, runDoctor } from '../../packages/doctor/src/run.ts'
import { run } from '../support/run.ts'
import { makeServer, wrongServers } from './wrong-servers.ts'
import { doctor, start, closing } from '../support/doctor.ts'

const ignoring = wrongServers.find(({ name }) => name === 'ignores Range')!

describe('the exit status', () => {
  it('is 0 if all is right, with a summary of one screen', async () => {
    const { status, output } = await doctor(await start(makeServer({})))
    expect(status).toBe(0)
    expect(output).toMatch(
      /✓ Sends several ranges +4 of 4\n[^]*\nAll right\. \d\d requests, \d+ KiB\n/,
    )
    expect(output.split('\n').length).toBeLessThan(40)
  })

  it('is 1 if something is wrong; the report says what clients do, and the remedy', async () => {
    const { status, output } = await doctor(await start(makeServer(ignoring)))
    expect(status).toBe(1)
    expect(output).toContain('✗ Range is ignored: the full content is sent\n')
    expect(output).toContain('    Range: bytes=0-0 yields 200\n')
    expect(output).toMatch(/\n {2}players: cannot seek/)
    expect(output).toMatch(/\n→ Express: app\.use\(rangeServe\(\)\)/)
    expect(output).toMatch(/\n→ nginx: /)
    expect(output).toMatch(/\n1 wrong\. /)
    expect(output.split('\n').length).toBeLessThan(45)
  })

  it('is 0 if there is only advice', async () => {
    const advised = wrongServers.find(({ name }) => name === 'does not announce ranges')!
    const { status, output } = await doctor(await start(makeServer(advised)))
    expect(status).toBe(0)
    expect(output).toContain('All right, 1 to improve.')
  })

  const unchecked: [what: string, server: http.RequestListener, says: RegExp][] = [
    ['404', (_, response) => response.writeHead(404).end(), /responds 404 instead of 200/],
    ['401', (_, response) => response.writeHead(401).end(), /credentials with --header/],
    ['a redirect without end', (_, response) => response.writeHead(302, { Location: '/a' }).end(), /redirects more than 5 times/], // prettier-ignore
    ['no response', () => {}, /does not respond within 200 ms/],
    ['a closed connection', (request) => request.socket.destroy(), /closes the connection/],
    ['what is not HTTP', (request) => request.socket.end('hello\r\n\r\n'), /not HTTP/],
    ['no content', (_, response) => response.end(), /no content/],
  ]
  it.each(unchecked)('is 2 for %s', async (_what, respond, says) => {
    const { status, output, errors } = await doctor(await start(http.createServer(respond)), '--timeout', '0.2') // prettier-ignore
    expect({ status, output }).toEqual({ status: 2, output: '' })
    expect(errors).toMatch(says)
  })

  it('is 2 if connections are refused', async () => {
    const url = await start(http.createServer())
    await closing.pop()!()
    const { status, errors } = await doctor(url)
    expect(status).toBe(2)
    expect(errors).toMatch(/refuses connections/)
  })

  const misuses: [args: string[], says: string][] = [
    [[], 'No URL is given\n'],
    [['cdn.example.com/clip.mp4'], 'did you mean https://cdn.example.com/clip.mp4?'],
    [['clip.mp4', '--json'], 'did you mean https://clip.mp4?'],
    [['/tmp/clip.mp4'], '/tmp/clip.mp4 is not an http or https URL\n'],
    [['ftp://a/b'], 'ftp://a/b is not an http or https URL'],
    [['http://a/', 'http://b/'], 'One URL at a time, got 2'],
    [['http://a/', '--jsn'], "Unknown option '--jsn'"],
    [['http://a/', '--header'], "--header <value>' argument missing"],
    [['http://a/', '-H', 'Cookie'], "--header must be of the form 'Name: value', got 'Cookie'"],
    [['http://a/', '-H', 'X: a\r\nY: b'], '--header must be of the form'],
    [['http://a/', '-H', 'Range: bytes=0-1'], '--header cannot set Range: the checks do'],
    [['http://a/', '--timeout', 'soon'], '--timeout must be a number of seconds'],
  ]
  it.each(misuses)('is 2 for %j, with the usage', async (args, says) => {
    const { status, output, errors } = await doctor(...args)
    expect({ status, output }).toEqual({ status: 2, output: '' })
    expect(errors).toContain(says)
    expect(errors).toContain('Usage: npx @range-serve/doctor <url> [options]')
  })

  it('is 0 for --help', async () => {
    const { status, output } = await doctor('--help')
    expect(status).toBe(0)
    expect(output).toContain('Usage: ')
  })
})

describe('requests', () => {
  it('have the fields that are given, except on another origin', async () => {
    const cookies: string[] = []
    const behind = makeServer({})
    const elsewhere = await start(
      http.createServer((request, response) => {
        cookies.push(String(request.headers.cookie))
        behind.emit('request', request, response)
      }),
    )
    const url = await start(
      http.createServer((request, response) => {
        cookies.push(String(request.headers.cookie))
        if (request.url === '/clip.mp4') response.writeHead(301, { Location: '/moved' }).end()
        else response.writeHead(302, { Location: elsewhere }).end()
      }),
    )
    const { status, output } = await doctor(url, '--header', 'Cookie: a=b')
    expect(status).toBe(0)
    expect(cookies.slice(0, 2)).toEqual(['a=b', 'a=b'])
    expect(new Set(cookies.slice(2))).toEqual(new Set(['undefined']))
    expect(output).toContain(`  301 → ${url.replace('clip.mp4', 'moved')}\n  302 → ${elsewhere}\n`)
  })

  it('have the credentials of the URL, which are not shown', async () => {
    const seen = new Set<string | undefined>()
    const right = makeServer({})
    const url = await start(
      http.createServer((request, response) => {
        seen.add(request.headers.authorization)
        right.emit('request', request, response)
      }),
    )
    const { status, output } = await doctor(url.replace('//', '//me:p%40ss@'))
    expect(status).toBe(0)
    expect([...seen]).toEqual([`Basic ${Buffer.from('me:p@ss').toString('base64')}`])
    expect(output).not.toContain('p%40ss')
  })

  it('are GET and HEAD, at most 60, and read little of a large file', async () => {
    const methods: string[] = []
    const sockets = new Set<Socket>()
    const large = Buffer.alloc(64 * 1024 * 1024)
    const url = await start(
      http.createServer((request, response) => {
        methods.push(request.method!)
        sockets.add(request.socket)
        void serve(request, response, large, { etag: '"v1"', type: 'video/mp4' })
      }),
    )
    const { status, output } = await doctor(url, '--json')
    const report = JSON.parse(output) as { requests: number; bytes: number }
    expect(status).toBe(0)
    expect(report.requests).toBe(methods.length)
    expect(methods.length).toBeLessThanOrEqual(60)
    expect(new Set(methods)).toEqual(new Set(['GET', 'HEAD']))
    expect(report.bytes).toBeLessThan(1024 * 1024)
    // What fits into the buffers of a socket before the client disconnects.
    const sent = [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0)
    expect(sent).toBeLessThan(large.length)
  })
})

describe('output', () => {
  it('is the report as JSON', async () => {
    const { status, output } = await doctor(await start(makeServer(ignoring)), '--json')
    expect(status).toBe(1)
    expect(JSON.parse(output)).toMatchObject({
      representation: { length: 200_000, type: 'video/mp4', etag: '"v1"' },
      findings: [{ id: 'ranges', severity: 'wrong' }],
    })
  })

  it('is JSON as well if nothing could be checked', async () => {
    const url = await start(http.createServer((_, response) => response.writeHead(404).end()))
    const { status, output } = await doctor(url, '--json')
    expect(status).toBe(2)
    expect((JSON.parse(output) as { error: string }).error).toMatch(/responds 404/)
  })

  it('lists every check with --verbose', async () => {
    const { output } = await doctor(await start(makeServer({})), '--verbose')
    expect(output.match(/^ {6}✓ (MUST|SHOULD|MAY) .* \(§/gm)!.length).toBeGreaterThan(40)
  })

  it('shows nothing of a server that could steer a terminal', async () => {
    const right = makeServer({})
    const server = http.createServer((request, response) => {
      const { writeHead } = response
      response.writeHead = ((status: number, headers: Record<string, string>) =>
        writeHead.call(response, status, { ...headers, Server: 'a\u009B31mb' })) as never
      right.emit('request', request, response)
    })
    const { output } = await doctor(await start(server))
    expect(output).toContain('a?31mb')
  })

  it('has colors on a terminal, unless NO_COLOR is set', async () => {
    expect(mayColor({ isTTY: true }, {})).toBe(true)
    expect(mayColor({ isTTY: true }, { NO_COLOR: '' })).toBe(true)
    expect(mayColor({ isTTY: true }, { NO_COLOR: '1' })).toBe(false)
    expect(mayColor({}, {})).toBe(false)
    let output = ''
    const out = (text: string): void => void (output += text)
    const url = await start(makeServer({}))
    await runDoctor([url], { out, error: out, colors: true })
    expect(output).toContain('\u001B[32m✓\u001B[39m Sends ranges')
  })

  it('has no colors unless it is written to a terminal', async () => {
    const cli = fileURLToPath(new URL('../../packages/doctor/dist/cli.js', import.meta.url))
    const url = await start(makeServer({}))
    const { code, stdout } = await run(process.execPath, [cli, url])
    expect(code).toBe(0)
    expect(stdout.toString()).toContain('All right.')
    expect(stdout.toString()).not.toContain('\u001B')
  })
})
