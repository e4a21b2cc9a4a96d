import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { isInside } from './confinement.ts'
import { calls } from '../../../../test/support/counted-fs.ts'
import { folder, link, read, table, hasProc } from '../../../../test/support/descriptors.ts'

vi.mock('node:fs', async (importOriginal) => {
  const { counted } = await import('../../../../test/support/counted-fs.ts')
  return counted(await importOriginal())
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

  it.each<[what: string, path: () => string]>([
    ['a file in it', () => path.join(root, 'in.bin')],
    ['a link to a file in it', () => link('in.bin', 'root/link')],
    ['a link to a folder in it', () => path.join(link('deep', 'root/link'), 'in.bin')],
    ['a link that leaves it and comes back', () => link('../root/in.bin', 'root/link')],
  ])('contains %s', async (_, make) => {
    expect(read(await table.acquire(make(), root))).toBe('inside')
  })

  it('may be a link itself', async () => {
    const linked = link(root, 'linked')
    expect(read(await table.acquire(path.join(linked, 'in.bin'), linked))).toBe('inside')
  })

  it.each<[what: string, path: () => string]>([
    ['a file beside it', () => secret],
    [
      'a link to a file beside it, of a name that begins alike',
      () => link('../root-secret', 'root/link'),
    ],
    ['an absolute link', () => link(secret, 'root/link')],
    ['a link to a folder above', () => path.join(link('..', 'root/link'), 'root-secret')],
    ['a link to a link that leaves', () => link(link(secret, 'root/one'), 'root/two')],
  ])('does not contain %s', async (_, make) => {
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

  it('soon does not contain a file whose folder was moved out and replaced by a link', async () => {
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

  const ways: [what: string, usesProc: boolean][] = [
    ['resolves the path again without /proc', false],
  ]
  if (hasProc) ways.push(['checks the descriptor', true])
  it.each(ways)('%s', async (_, usesProc) => {
    calls.refusesLinks = !usesProc
    calls.beforeOpen = swap
    await expect(table.acquire(target, root)).rejects.toMatchObject({ code: 'ERR_OUTSIDE_ROOT' })
    await vi.waitFor(() => expect(calls.now.open).toBe(0))
    swapBack()
    // Back by the time the path is examined again.
    calls.beforeOpen = swap
    calls.afterOpen = swapBack
    const descriptor = await table.acquire(target, root)
    expect(read(descriptor)).toBe('inside')
    descriptor.release()
  })

  it('serves the file that was resolved if the root is pointed elsewhere meanwhile', async () => {
    const current = link(root, 'current')
    fs.mkdirSync(path.join(folder, 'out/in'))
    fs.writeFileSync(path.join(folder, 'out/in/a.bin'), 'next')
    // A younger file is examined twice, and its path with it: that may find the new folder.
    await new Promise((resolve) => setTimeout(resolve, 40))
    calls.beforeOpen = () => {
      fs.rmSync(current)
      fs.symlinkSync(path.join(folder, 'out'), current)
    }
    const descriptor = await table.acquire(path.join(current, 'in/a.bin'), current)
    expect(read(descriptor)).toBe('inside')
    descriptor.release()
  })
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
