import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isInside } from './confinement.ts'
import type { Descriptor } from './descriptor.ts'
import { DescriptorTable } from './descriptors.ts'

/** What happens to the calls of the table; those of the tests are not counted. */
const calls = vi.hoisted(() => ({
  stats: 0,
  opens: 0,
  /** Calls of this test alone: what an earlier test closes late does not count. */
  now: { open: 0 },
  /** How many descriptors the process may have open. */
  most: Infinity,
  /** The code of the error that an open ends with. */
  refusal: undefined as string | undefined,
  afterStat: undefined as (() => void) | undefined,
  beforeOpen: undefined as (() => void) | undefined,
  afterOpen: undefined as (() => void) | undefined,
  /** Whether there is no /proc. */
  refusesLinks: false,
}))

vi.mock('node:fs', async (importOriginal) => {
  const { default: actual } = await importOriginal<{ default: typeof fs }>()
  type Callback = (error: Error | null, value?: unknown) => void
  const owners = new Map<number, { open: number }>()
  const take = (name: 'beforeOpen' | 'afterOpen') => {
    const { [name]: hook } = calls
    calls[name] = undefined
    return hook
  }
  const stat = (file: string, ...rest: [...options: unknown[], callback: Callback]) => {
    calls.stats++
    const callback = rest.pop() as Callback
    Reflect.apply(actual.stat, actual, [
      file,
      ...rest,
      (error: Error | null, stats: unknown) => {
        calls.afterStat?.()
        callback(error, stats)
      },
    ])
  }
  const readlink = (file: string, callback: (error: Error | null, target: string) => void) => {
    actual.readlink(calls.refusesLinks ? '/none' : file, callback)
  }
  const open = (file: string, flags: number, callback: Callback) => {
    const { now } = calls
    calls.opens++
    const refusal = now.open >= calls.most ? 'EMFILE' : calls.refusal
    if (refusal !== undefined) {
      setImmediate(callback, Object.assign(new Error(refusal), { code: refusal }))
      return
    }
    now.open++
    take('beforeOpen')?.()
    actual.open(file, flags, (error, fd) => {
      take('afterOpen')?.()
      if (error) now.open--
      else owners.set(fd, now)
      callback(error, fd)
    })
  }
  const close = (fd: number, callback: Callback) => {
    const owner = owners.get(fd)!
    actual.close(fd, (error) => {
      owner.open--
      callback(error ?? null)
    })
  }
  return { ...actual, default: { ...actual, stat, open, close, readlink } }
})

const hasProc = fs.existsSync('/proc/self/fd')
let folder: string
let file: string
let table: DescriptorTable

beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'descriptors-')))
  file = path.join(folder, 'a.bin')
  fs.writeFileSync(file, 'first')
  Object.assign(calls, {
    stats: 0,
    opens: 0,
    now: { open: 0 },
    most: Infinity,
    refusal: undefined,
    afterStat: undefined,
    beforeOpen: undefined,
    afterOpen: undefined,
    refusesLinks: false,
  })
  table = new DescriptorTable({ max: 4, idleMs: 60_000 })
})

afterEach(() => {
  fs.rmSync(folder, { recursive: true })
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
    ['ENOENT', 404], // gone since the look at it
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

describe('a root', () => {
  let root: string
  let secret: string

  beforeEach(() => {
    root = path.join(folder, 'root')
    fs.mkdirSync(path.join(root, 'deep'), { recursive: true })
    fs.writeFileSync(path.join(root, 'in.bin'), 'inside')
    fs.writeFileSync(path.join(root, 'deep/in.bin'), 'inside')
    secret = path.join(folder, 'root-secret')
    fs.writeFileSync(secret, 'secret')
  })

  it.each<[what: string, make: () => string]>([
    ['a file in it', () => path.join(root, 'in.bin')],
    ['a link to a file in it', () => link('in.bin', 'root/link')],
    ['a link to a folder in it', () => path.join(link('deep', 'root/link'), 'in.bin')],
    ['a link that leaves it and comes back', () => link('../root/in.bin', 'root/link')],
  ])('holds %s', async (_, make) => {
    expect(read(await table.acquire(make(), root))).toBe('inside')
  })

  it('may be a link itself', async () => {
    const linked = link(root, 'linked')
    expect(read(await table.acquire(path.join(linked, 'in.bin'), linked))).toBe('inside')
  })

  it.each<[what: string, make: () => string]>([
    ['a file beside it', () => secret],
    [
      'a link to a file beside it, of a name that begins alike',
      () => link('../root-secret', 'root/link'),
    ],
    ['an absolute link', () => link(secret, 'root/link')],
    ['a link to a folder above', () => path.join(link('..', 'root/link'), 'root-secret')],
    ['a link to a link that leaves', () => link(link(secret, 'root/one'), 'root/two')],
  ])('does not hold %s', async (_, make) => {
    await expect(table.acquire(make(), root)).rejects.toMatchObject({
      status: 404,
      code: 'ERR_OUTSIDE_ROOT',
    })
    expect(calls.opens).toBe(0)
  })

  it('does not contain a file that is open for another root, or without a root', async () => {
    const target = link(secret, 'root/link')
    expect(read(await table.acquire(target))).toBe('secret')
    expect(read(await table.acquire(target, folder))).toBe('secret')
    await expect(table.acquire(target, root)).rejects.toMatchObject({ code: 'ERR_OUTSIDE_ROOT' })
  })

  it('does not contain a file that was replaced by a link', async () => {
    const inside = path.join(root, 'in.bin')
    const first = await table.acquire(inside, root)
    first.release()
    fs.rmSync(inside)
    fs.symlinkSync(secret, inside)
    await expect(table.acquire(inside, root)).rejects.toMatchObject({ code: 'ERR_OUTSIDE_ROOT' })
  })

  it('soon does not contain a file whose folder was moved out and linked to', async () => {
    const inside = path.join(root, 'deep/in.bin')
    const first = await table.acquire(inside, root)
    first.release()
    // The file itself is the same as before, its ctime included.
    fs.renameSync(path.join(root, 'deep'), path.join(folder, 'moved'))
    fs.symlinkSync(path.join(folder, 'moved'), path.join(root, 'deep'))
    await vi.waitFor(() =>
      expect(
        table.acquire(inside, root).then((descriptor) => descriptor.release()),
      ).rejects.toMatchObject({ code: 'ERR_OUTSIDE_ROOT' }),
    )
  })
})

describe('a root whose folder is swapped for a link between resolving and opening', () => {
  let root: string
  let target: string

  beforeEach(() => {
    root = path.join(folder, 'root')
    for (const each of ['root/in', 'out'])
      fs.mkdirSync(path.join(folder, each), { recursive: true })
    target = path.join(root, 'in/a.bin')
    fs.writeFileSync(target, 'inside')
    fs.writeFileSync(path.join(folder, 'out/a.bin'), 'secret')
  })

  const swap = () => {
    fs.renameSync(path.join(root, 'in'), path.join(root, 'aside'))
    fs.symlinkSync(path.join(folder, 'out'), path.join(root, 'in'))
  }
  const swapBack = () => {
    fs.rmSync(path.join(root, 'in'))
    fs.renameSync(path.join(root, 'aside'), path.join(root, 'in'))
  }

  it.each([
    ['checks the descriptor', true],
    ['resolves the path again without /proc', false],
  ])('%s', async (_, usesProc) => {
    if (usesProc && !hasProc) return
    calls.refusesLinks = !usesProc
    calls.beforeOpen = swap
    await expect(table.acquire(target, root)).rejects.toMatchObject({ code: 'ERR_OUTSIDE_ROOT' })
    await vi.waitFor(() => expect(calls.now.open).toBe(0))
    swapBack()
    // Back by the time that the path is looked at again.
    calls.beforeOpen = swap
    calls.afterOpen = swapBack
    const descriptor = await table.acquire(target, root)
    expect(read(descriptor)).toBe('inside')
    descriptor.release()
  })

  it('serves a root that is pointed elsewhere meanwhile', async () => {
    const current = link(root, 'current')
    calls.beforeOpen = () => {
      fs.rmSync(current)
      fs.symlinkSync(path.join(folder, 'out'), current)
    }
    const descriptor = await table
      .acquire(path.join(current, 'in/a.bin'), current)
      .catch(() => undefined)
    if (descriptor) expect(read(descriptor)).toBe('inside')
  })
})

describe('the table', () => {
  it('keeps a bounded number of idle files, the most recently used', async () => {
    const files = make(10)
    for (const each of files) (await table.acquire(each)).release()
    expect(table.size).toBe(4)
    await vi.waitFor(() => expect(calls.now.open).toBe(4))
    calls.opens = 0
    for (const each of files.slice(6)) (await table.acquire(each)).release()
    expect(calls.opens).toBe(0)
    // The seventh was used again, so the eighth has to go.
    ;(await table.acquire(files[6]!)).release()
    ;(await table.acquire(files[0]!)).release()
    calls.opens = 0
    ;(await table.acquire(files[6]!)).release()
    expect(calls.opens).toBe(0)
    ;(await table.acquire(files[7]!)).release()
    expect(calls.opens).toBe(1)
  })

  it('does not close a held file, however many there are', async () => {
    const files = make(10)
    const held = await Promise.all(files.map((each) => table.acquire(each)))
    expect(held.map(read)).toEqual(files.map((each) => path.basename(each)))
    expect(calls.now.open).toBe(10)
    expect(table.size).toBe(10)
    const again = await table.acquire(files[0]!)
    expect(again).toBe(held[0])
    again.release()
    for (const descriptor of held) descriptor.release()
    expect(table.size).toBe(4)
    await vi.waitFor(() => expect(calls.now.open).toBe(4))
  })

  it('closes a replaced file when its last holder releases it', async () => {
    const [one, two] = await Promise.all([table.acquire(file), table.acquire(file)])
    replace(file, 'other')
    ;(await table.acquire(file)).release()
    expect(calls.now.open).toBe(2)
    one.release()
    expect(read(two)).toBe('first')
    two.release()
    await vi.waitFor(() => expect(calls.now.open).toBe(1))
  })

  it('closes only descriptors that have been idle for a while', async () => {
    const brief = new DescriptorTable({ max: 4, idleMs: 20 })
    const [one, two] = make(2)
    const held = await brief.acquire(one!)
    ;(await brief.acquire(two!)).release()
    expect(brief.size).toBe(2)
    await vi.waitFor(() => expect(brief.size).toBe(1))
    await vi.waitFor(() => expect(calls.now.open).toBe(1))
    expect(read(held)).toBe('0')
    held.release()
    await vi.waitFor(() => expect(calls.now.open).toBe(0))
    expect(brief.size).toBe(0)
    expect(read(await brief.acquire(one!))).toBe('0')
  })

  it('closes a retired descriptor at once, and only once', async () => {
    const descriptor = await table.acquire(file)
    table.retire(descriptor)
    table.retire(descriptor)
    expect(table.size).toBe(0)
    expect(read(descriptor)).toBe('first')
    descriptor.release()
    await vi.waitFor(() => expect(calls.now.open).toBe(0))
    const again = await table.acquire(file)
    expect(again).not.toBe(descriptor)
    again.release()
    table.retire(again)
    await vi.waitFor(() => expect(calls.now.open).toBe(0))
  })

  it('makes room if the process has too many open files', async () => {
    const files = make(4)
    for (const each of files) (await table.acquire(each)).release()
    calls.most = 4
    expect(read(await table.acquire(file))).toBe('first')
  })

  it('rejects with 503 if there is no room to make', async () => {
    const files = make(4)
    await Promise.all(files.map((each) => table.acquire(each)))
    calls.most = 4
    await expect(table.acquire(file)).rejects.toMatchObject({ status: 503, code: 'EMFILE' })
  })

  it.runIf(hasProc)(
    'leaves no descriptor open, whatever happens to the file meanwhile',
    async () => {
      const brief = new DescriptorTable({ max: 1, idleMs: 10 })
      const targets = [
        file,
        path.join(folder, 'b.bin'),
        fifo('pipe'),
        folder,
        path.join(folder, 'none'),
      ]
      fs.writeFileSync(targets[1]!, 'b')
      for (let round = 0; round < 30; round++) {
        const outcomes = Promise.allSettled(
          targets.flatMap((each) => [brief.acquire(each), brief.acquire(each)]),
        )
        replace(file, String(round))
        for (const outcome of await outcomes) {
          if (outcome.status === 'fulfilled') outcome.value.release()
        }
      }
      await vi.waitFor(() => expect(openIn(folder)).toEqual([]))
      expect(calls.now.open).toBe(0)
      expect(brief.size).toBe(0)
    },
  )
})

describe('isInside', () => {
  it.each([
    ['/srv/a', '/srv', true],
    ['/srv/a/b', '/srv', true],
    ['/srv', '/srv', true],
    ['/srv/..a', '/srv', true], // a name that begins with two dots
    ['/srv/...', '/srv', true],
    ['/etc', '/', true],
    ['/srv-secret', '/srv', false], // a name that begins alike
    ['/', '/srv', false],
    ['/etc/passwd', '/srv', false],
  ])('of %s and %s is %s', (filePath, root, expected) => {
    expect(isInside(filePath, root)).toBe(expected)
  })
})

function read(descriptor: Descriptor): string {
  const buffer = Buffer.alloc(100)
  return buffer.toString('utf8', 0, fs.readSync(descriptor.fd, buffer, 0, 100, 0))
}

/** As an editor or a deployment does it: a new file, renamed onto the old. */
function replace(target: string, text: string): void {
  fs.writeFileSync(`${target}.new`, text)
  fs.renameSync(`${target}.new`, target)
}

/** Writes a file every few milliseconds. */
function rewrite(target: string): () => void {
  const timer = setInterval(() => fs.writeFileSync(target, 'other'), 3)
  return () => clearInterval(timer)
}

function make(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const each = path.join(folder, String(index))
    fs.writeFileSync(each, String(index))
    return each
  })
}

function fifo(name: string): string {
  const target = path.join(folder, name)
  execFileSync('mkfifo', [target])
  return target
}

function link(target: string, name: string): string {
  const at = path.join(folder, name)
  fs.symlinkSync(target, at)
  return at
}

function openIn(where: string): string[] {
  return fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = fs.readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith(where) ? [target] : []
    } catch {
      return []
    }
  })
}
