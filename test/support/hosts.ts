// What each framework or runtime must make of the adapter that examples/ shows for it.

import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import { expect, it } from 'vitest'
import { dialogueFolder, type DialogueOptions, holdDialogues, large } from './dialogues.ts'
import type { Example } from './example.ts'
import { openDescriptors, until } from './fixture.ts'
import { ask, field } from './raw.ts'

const MiB = 1024 * 1024
const hugeLength = 64 * MiB
// Long enough to be compressed.
const page = '<p>'.repeat(1000)

/** Makes the folder that hosts serve; to be called while tests are collected. */
export function hostFolder(): string {
  const folder = dialogueFolder()
  fs.writeFileSync(`${folder}/page.html`, page)
  return folder
}

/** How many bytes a process has read, of anything. */
function bytesRead(pid: number): number {
  return Number(/^rchar: (\d+)$/m.exec(fs.readFileSync(`/proc/${pid}/io`, 'utf8'))![1])
}

/** Resolves once a process has read nothing for a while. */
async function quiet(pid: number): Promise<void> {
  let before = -Infinity
  let rounds = 0
  await until('nothing more is read', () => {
    const now = bytesRead(pid)
    // In this process, to look is to read.
    rounds = now - before < 1000 ? rounds + 1 : 0
    before = now
    return rounds > 10
  })
}

/** Begins a response, and reads no more of it than its first bytes. */
async function begin(port: number, path: string): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
  await once(socket, 'readable')
  return socket.on('error', () => {})
}

/**
 * Declares the tests of a host.
 *
 * @param folder made by `hostFolder`, and served below /media/
 * @param started returns the host, which runs by then
 */
export function holdHost(folder: string, started: () => Example, options: DialogueOptions): void {
  const path = '/media/large.bin'
  holdDialogues(async (file) => ({ port: started().port, path: `/media/${file}` }), options)

  it('seeks', async () => {
    const headers = [['Range', 'bytes=4000000-4099999']] as const
    const response = await ask(started().port, { path, headers })
    expect(response.status).toBe(206)
    expect(field(response, 'Content-Range')).toBe('bytes 4000000-4099999/8322278')
    expect(response.content.equals(large.subarray(4_000_000, 4_100_000))).toBe(true)
  })

  it('responds to HEAD as to GET, without content', async () => {
    const response = await ask(started().port, { path, method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(field(response, 'Content-Length')).toBe(options.omitsEveryLength ? undefined : '8322278')
    expect(field(response, 'Accept-Ranges')).toBe('bytes')
    expect(response.content.length).toBe(0)
  })

  it('responds 304 to the tag of the file', async () => {
    const tag = field(await ask(started().port, { path, method: 'HEAD' }), 'ETag')!
    const response = await ask(started().port, { path, headers: [['If-None-Match', tag]] })
    expect(response.status).toBe(304)
    expect(field(response, 'ETag')).toBe(tag)
    expect(field(response, 'Content-Type')).toBeUndefined()
    expect(response.content.length).toBe(0)
  })

  it('knows the media type of a file', async () => {
    const response = await ask(started().port, { path: '/media/page.html' })
    expect(field(response, 'Content-Type')).toBe('text/html; charset=utf-8')
    expect(String(response.content)).toBe(page)
  })

  it('responds 404 for a file that is not found', async () => {
    const response = await ask(started().port, { path: '/media/none.bin' })
    expect(response.status).toBe(404)
    expect(String(response.content)).not.toContain(folder)
  })

  it('reads no more than a slow client takes, and nothing once it has disconnected', async () => {
    const { port, pid } = started()
    const file = makeHuge('slow')
    const before = bytesRead(pid)
    const socket = await begin(port, '/media/slow.bin')
    await quiet(pid)
    // Most of it is in the buffers of the two sockets.
    expect(bytesRead(pid) - before).toBeLessThan(hugeLength / 2)
    expect(openDescriptors(file, pid)).toBeGreaterThan(0)
    socket.destroy()
    await until('the descriptor is closed', () => openDescriptors(file, pid) === 0)
  })

  it('cuts the response off if the file becomes shorter', async () => {
    const file = makeHuge('short')
    const socket = await begin(started().port, '/media/short.bin')
    fs.truncateSync(file, MiB)
    let received = 0
    let last: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
      last = chunk
    })
    await new Promise((resolve) => socket.once('close', resolve))
    expect(received).toBeLessThan(hugeLength)
    // The end of content in chunks.
    expect(last.subarray(-5).toString('latin1')).not.toBe('0\r\n\r\n')
  })

  /** A file that no other test serves, larger than what sockets hold. */
  function makeHuge(name: string): string {
    const file = `${folder}/${name}.bin`
    fs.writeFileSync(file, '')
    fs.truncateSync(file, hugeLength)
    fs.utimesSync(file, 1.7e9, 1.7e9)
    return file
  }
}
