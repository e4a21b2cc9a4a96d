import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Coding, codings, openVariant } from './siblings.ts'

let root: string
const old = 1_600_000_000

function write(name: string, modified = old): void {
  const filePath = path.join(root, name)
  fs.writeFileSync(filePath, `content of ${name}`)
  fs.utimesSync(filePath, modified, modified)
}

beforeAll(() => {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'siblings-')))
  root = path.join(folder, 'root')
  fs.mkdirSync(root)
  for (const name of ['all.js', 'all.js.br', 'all.js.gz', 'all.js.zst']) write(name)
  for (const name of ['gzip.js', 'gzip.js.gz', 'odd.unheard-of', 'odd.unheard-of.gz']) write(name)
  write('stale.js')
  write('stale.js.br', old - 1)
  write('stale.js.gz', old + 1)
  write('alone.js.br')
  write('link.js')
  write('../outside.br')
  fs.symlinkSync('../outside.br', path.join(root, 'link.js.br'))
  write('within.js')
  fs.symlinkSync('all.js.br', path.join(root, 'within.js.br'))
  write('folder.js')
  fs.mkdirSync(path.join(root, 'folder.js.br'))
})
afterAll(() => fs.rmSync(path.dirname(root), { recursive: true }))

async function choose(
  name: string,
  acceptEncoding: string | undefined,
  { offered = codings, follow = false }: { offered?: readonly Coding[]; follow?: boolean } = {},
) {
  const headers = acceptEncoding === undefined ? {} : { 'accept-encoding': acceptEncoding }
  const confines = follow ? undefined : root
  const source = await openVariant({ headers }, offered, path.join(root, name), confines, {})
  try {
    const { type, length, variant } = source
    return { type, length, variant }
  } finally {
    await source.close?.(true)
  }
}

const all = 'gzip, br, zstd'

describe('openVariant', () => {
  it.each<
    [
      name: string,
      acceptEncoding: string | undefined,
      coding: string | undefined,
      options?: Parameters<typeof choose>[2],
    ]
  >([
    ['all.js', undefined, undefined],
    ['all.js', '', undefined],
    ['all.js', 'identity', undefined],
    ['all.js', all, 'br'],
    ['all.js', 'gzip, zstd', 'zstd'],
    ['all.js', 'gzip', 'gzip'],
    ['all.js', 'br;q=0.5, gzip', 'gzip'],
    ['all.js', 'br;q=0, *', 'zstd'],
    ['all.js', all, 'gzip', { offered: ['gzip', 'br'] }],
    ['all.js', 'br', undefined, { offered: ['gzip'] }],
    ['gzip.js', all, 'gzip'],
    ['gzip.js', 'br', undefined],
    ['gzip.js', 'br, identity;q=0', undefined], // there is nothing better
    ['stale.js', all, 'gzip'], // the one of br is of an earlier version
    ['stale.js', 'br', undefined],
    ['link.js', 'br', undefined], // it leads out of the root
    ['link.js', 'br', 'br', { follow: true }],
    ['within.js', 'br', 'br'],
    ['folder.js', 'br', undefined],
  ])('of %s for %j is %s', async (name, acceptEncoding, coding, options) => {
    expect(await choose(name, acceptEncoding, options)).toMatchObject({
      type: 'text/javascript; charset=utf-8',
      variant: { coding },
    })
  })

  it('has the type of the file, even an unknown one', async () => {
    const { type, variant } = await choose('odd.unheard-of', 'gzip')
    expect([type, variant?.coding]).toEqual(['application/octet-stream', 'gzip'])
  })

  it('rejects if the file itself is missing', async () => {
    await expect(choose('alone.js', 'br')).rejects.toMatchObject({ status: 404, code: 'ENOENT' })
  })
})
