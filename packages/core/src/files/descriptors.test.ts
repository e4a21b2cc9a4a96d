import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import type { Descriptor } from './descriptor.ts'
import { calls } from '../../../../test/support/counted-fs.ts'
import {
  table,
  file,
  read,
  replace,
  folder,
  fifo,
  link,
} from '../../../../test/support/descriptors.ts'

vi.mock('node:fs', async (importOriginal) => {
  const { counted } = await import('../../../../test/support/counted-fs.ts')
  return counted(await importOriginal())
})

describe('acquire', () => {
  it('opens a file once for consecutive requests', async () => {
    const first = await table.acquire(file)
    first.release()
    const second = await table.acquire(file)
    expect(second).toBe(first)
    expect(second.holders).toBe(1)
    expect(calls.opens).toBe(1)
    expect(read(second)).toBe('first')
  })

  it('examines the path for each request, and once for concurrent requests', async () => {
    await sleep(25) // by then the file has settled
    const together = await Promise.all(Array.from({ length: 50 }, () => table.acquire(file)))
    expect(new Set(together).size).toBe(1)
    expect(together[0]!.holders).toBe(50)
    expect(calls.stats).toBe(1)
    expect(calls.opens).toBe(1)
    await table.acquire(file)
    expect(calls.stats).toBe(2)
  })

  it('never returns a state from before the request', async () => {
    const early = table.acquire(file)
    calls.afterStat = () => {
      calls.afterStat = undefined
      replace(file, 'second')
    }
    await early
    fs.writeFileSync(file, 'third, grown')
    expect(read(await table.acquire(file))).toBe('third, grown')
  })

  it('examines the path again for a request during a `stat`', async () => {
    await table.acquire(file)
    let late: Promise<Descriptor> | undefined
    calls.afterStat = () => {
      // The stat has seen the first file; the next one comes after the change.
      calls.afterStat = undefined
      replace(file, 'second')
      late = table.acquire(file)
    }
    await table.acquire(file)
    expect(read(await late!)).toBe('second')
  })

  it.each<[what: string, change: (file: string) => void, text: string]>([
    ['replaced', (at) => replace(at, 'other'), 'other'],
    [
      'replaced by a file of the same mtime',
      (at) => {
        const { atime, mtime } = fs.statSync(at)
        fs.writeFileSync(`${at}.new`, 'other')
        fs.utimesSync(`${at}.new`, atime, mtime)
        fs.renameSync(`${at}.new`, at)
      },
      'other',
    ],
    ['truncated', (at) => fs.truncateSync(at, 2), 'fi'],
    ['grown', (at) => fs.appendFileSync(at, '!'), 'first!'],
    ['touched', (at) => fs.utimesSync(at, 1000, 1000), 'first'],
    [
      'removed and created again',
      (at) => {
        fs.rmSync(at)
        fs.writeFileSync(at, 'other')
      },
      'other',
    ],
  ])('notices a file that was %s', async (_, change, text) => {
    const before = await table.acquire(file)
    change(file)
    const after = await table.acquire(file)
    expect(after).not.toBe(before)
    expect(Number(after.stats.size)).toBe(text.length)
    expect(after.stats.mtimeNs).toBe(fs.statSync(file, { bigint: true }).mtimeNs)
    expect(read(after)).toBe(text)
    expect(before.retired).toBe(true)
    expect(table.size).toBe(1)
  })

  it('reads a held file to its end, whatever happens to the path', async () => {
    const before = await table.acquire(file)
    replace(file, 'other')
    await table.acquire(file)
    expect(read(before)).toBe('first')
    fs.rmSync(file)
    await expect(table.acquire(file)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(read(before)).toBe('first')
  })

  it('recognises a file last changed before 1970, or far in the future', async () => {
    for (const seconds of [-1.5, -1_000_000.25, 0, 1.000_001, 4_000_000_000.75]) {
      fs.utimesSync(file, seconds, seconds)
      const first = await table.acquire(file)
      expect(await table.acquire(file)).toBe(first)
    }
  })

  it.each<[what: string, make: () => string, status: number, code: string]>([
    ['a missing file', () => path.join(folder, 'none'), 404, 'ENOENT'],
    ['a folder', () => folder, 404, 'ERR_NOT_A_FILE'],
    ['something below a file', () => path.join(file, 'below'), 404, 'ENOTDIR'],
    ['a device', () => '/dev/null', 404, 'ERR_NOT_A_FILE'],
    ['a FIFO', () => fifo('pipe'), 404, 'ERR_NOT_A_FILE'],
    ['a link to a FIFO', () => link(fifo('pipe'), 'link'), 404, 'ERR_NOT_A_FILE'],
    ['a link to itself', () => link('loop', 'loop'), 404, 'ELOOP'],
    ['a dangling link', () => link('none', 'link'), 404, 'ENOENT'],
    ['a name that is too long', () => path.join(folder, 'a'.repeat(300)), 404, 'ENAMETOOLONG'],
  ])('refuses %s, and opens nothing', async (_, make, status, code) => {
    const target = make()
    await expect(table.acquire(target)).rejects.toMatchObject({
      status,
      statusCode: status,
      code,
      expose: false,
      path: target,
    })
    expect(table.size).toBe(0)
    expect(calls.opens).toBe(0)
  })

  it.each([
    ['EACCES', 403],
    ['EPERM', 403],
    ['ENOENT', 404], // removed since it was examined
    ['EMFILE', 503],
    ['ENFILE', 503],
    ['EIO', 500],
  ])('reports %s as %i', async (code, status) => {
    calls.refusal = code
    await expect(table.acquire(file)).rejects.toMatchObject({ status, code, path: file })
    expect(table.size).toBe(0)
  })

  it('does not block on a FIFO that has just replaced a file', async () => {
    calls.afterStat = () => {
      calls.afterStat = undefined
      fs.rmSync(file)
      fifo('a.bin')
    }
    await expect(table.acquire(file)).rejects.toMatchObject({ code: 'ERR_NOT_A_FILE' })
    expect(calls.opens).toBe(1)
    await vi.waitFor(() => expect(calls.now.open).toBe(0))
  })

  it('fails all waiting requests if the file is gone, and opens it once it is back', async () => {
    ;(await table.acquire(file)).release()
    fs.rmSync(file)
    const outcomes = await Promise.allSettled([
      table.acquire(file),
      table.acquire(file),
      table.acquire(file),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(table.size).toBe(0)
    fs.writeFileSync(file, 'back')
    expect(read(await table.acquire(file))).toBe('back')
  })
})

describe('a file that has just been written', () => {
  it('is held until it has settled, and then kept', async () => {
    const first = await table.acquire(file)
    expect(first.isSettled).toBe(true)
    expect(Date.now() - first.stats.ctime.getTime()).toBeGreaterThanOrEqual(20)
    expect(await table.acquire(file)).toBe(first)
    expect(calls.opens).toBe(1)
  })

  it('is not settled if it is written meanwhile, and not kept', async () => {
    let stop = () => {}
    calls.afterOpen = () => {
      fs.writeFileSync(file, 'other')
      stop = rewrite(file)
    }
    const first = await table.acquire(file)
    expect(first.isSettled).toBe(false)
    expect(table.size).toBe(0)
    expect(table.peek(file)).toBeUndefined()
    stop()
    const second = await table.acquire(file)
    expect(second).not.toBe(first)
    expect(second.isSettled).toBe(true)
    expect(second.stats.ctimeNs).toBe(fs.statSync(file, { bigint: true }).ctimeNs)
    first.release()
    await vi.waitFor(() => expect(calls.now.open).toBe(1))
  })

  it('is the new file if it is replaced meanwhile', async () => {
    // The open file loses its name, which changes its ctime.
    calls.afterOpen = () => replace(file, 'second')
    const descriptor = await table.acquire(file)
    expect(read(descriptor)).toBe('second')
    expect(descriptor.isSettled).toBe(true)
    await vi.waitFor(() => expect(calls.now.open).toBe(1))
  })

  it('is opened a bounded number of times if it is replaced again and again', async () => {
    const replaceAgain = () => {
      replace(file, 'again')
      calls.afterOpen = replaceAgain
    }
    calls.afterOpen = replaceAgain
    const descriptor = await table.acquire(file)
    expect(read(descriptor)).toBe('again')
    expect(calls.opens).toBe(3)
    descriptor.release()
  })

  it('is gone if it is removed meanwhile', async () => {
    calls.afterOpen = () => fs.rmSync(file)
    await expect(table.acquire(file)).rejects.toMatchObject({ status: 404, code: 'ENOENT' })
    await vi.waitFor(() => expect(calls.now.open).toBe(0))
  })
})

/** Writes a file every few milliseconds. */
function rewrite(target: string): () => void {
  const timer = setInterval(() => fs.writeFileSync(target, 'other'), 3)
  return () => clearInterval(timer)
}
