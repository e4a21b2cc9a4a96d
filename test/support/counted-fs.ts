// Counts the calls of `node:fs` that open files, and lets a test fail or delay them.

import type fs from 'node:fs'

/** What happens to the calls of the table; those of the tests are not counted. */
export const calls = {
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
}

/** `node:fs` for a `vi.mock` of it. */
export function counted({ default: actual }: { default: typeof fs }): object {
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
}
