// The READMEs: their JavaScript parses, and their tables list all options and codes.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import * as core from '@range-serve/core'
import { validateOptionNames } from '../../packages/core/src/option-names.ts'
import * as forExpress from '@range-serve/express'
import * as forKoa from '@range-serve/koa'
import { fromHttp } from '@range-serve/http'
import { describe, expect, it } from 'vitest'

const run = promisify(execFile)
const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
const readmes = [
  'README.md',
  'packages/core/README.md',
  'packages/express/README.md',
  'packages/koa/README.md',
]
const readmesOfSources = ['packages/http/README.md', 'packages/s3/README.md']

type Call = Parameters<typeof validateOptionNames>[0]

/** The names of all options of a call, as its error lists them. */
function optionsOf(call: Call): readonly string[] {
  try {
    validateOptionNames(call, { 'unlike any option': 1 })
  } catch (error) {
    return /it takes (.*)$/
      .exec((error as Error).message)![1]!
      .split(', ')
      .toSorted()
  }
  throw new Error('An unknown option is allowed')
}

/** The options that a table lists for a call whose mark is found in the last column. */
function listed(text: string, mark: RegExp): readonly string[] {
  const [, table = ''] = /^\| Name .*\n\| -.*\n((?:\|.*\n)+)/m.exec(text) ?? []
  const rows = table
    .trim()
    .split('\n')
    .map((row) => row.split(/(?<!\\)\|/).map((cell) => cell.trim()))
  const found = rows.filter((cells) => mark.test(cells[5]!))
  return found.map((cells) => cells[1]!.replaceAll('`', '')).toSorted()
}

describe.each([...readmes, ...readmesOfSources, 'packages/zip/README.md'])('%s', (file) => {
  it('has JavaScript that parses', async () => {
    const blocks = [...read(file).matchAll(/^( *)```js\n([\s\S]*?)^ *```/gm)].map(
      ([, , code]) => code!,
    )
    expect(blocks.length).toBeGreaterThan(0)
    await Promise.all(
      blocks.map((code) => {
        const child = run(process.execPath, ['--input-type=module', '--check'])
        child.child.stdin!.end(code)
        return child
      }),
    )
  })
})

describe.each(readmes)('the options in %s', (file) => {
  const text = read(file)
  const isKoa = !file.includes('core') && !file.includes('express')

  it('lists every option of rangeStatic', () => {
    const ofFolders = optionsOf(isKoa ? 'rangeStatic of Koa' : 'rangeStatic')
    expect(listed(text, /`rangeStatic`/)).toEqual(ofFolders)
    const ofStores = isKoa ? 'rangeStatic of Koa and a function' : 'rangeStatic of a function'
    expect(listed(text, /`rangeStatic`(?! \(F\))/)).toEqual(optionsOf(ofStores))
  })

  it('lists every option of sendRange and rangeServe', () => {
    const isCore = file.includes('core')
    expect(listed(text, isCore ? /`serve`/ : /`sendRange`/)).toEqual(optionsOf('sendRange'))
    if (!isCore) expect(listed(text, /`rangeServe`/)).toEqual(optionsOf('rangeServe'))
  })
})

it.each([
  ['express', forExpress],
  ['koa', forKoa],
])('@range-serve/%s exports the constructors of sources, and coverage', (_, exported) => {
  const names = Object.keys(core).filter((name) => name.startsWith('from') || name === 'coverage')
  expect(names.length).toBeGreaterThan(7)
  expect(Object.keys(exported)).toEqual(expect.arrayContaining(names))
})

it('packages/http/README.md lists every option and error code', () => {
  const text = read('packages/http/README.md')
  const [, names] = /it takes (.*)$/.exec(
    messageOf(() => fromHttp('http://x/', { x: 1 } as object)),
  )!
  expect(firstCells(text, 'Name')).toEqual(names!.split(', ').toSorted())
  const [, codes = ''] = /type UpstreamErrorCode =([\s\S]*?)\n\n/.exec(read('packages/http/src/errors.ts')) ?? [] // prettier-ignore
  const listedCodes = [...codes.matchAll(/'(ERR_\w+)'/g)].map(([, name]) => name!)
  expect(firstCells(text, '`code`')).toEqual(listedCodes.toSorted())
})

it('packages/s3/README.md shows test/upstreams/s3-example.ts unchanged', () => {
  const [, shown] = /```ts\n([\s\S]*?)```/.exec(read('packages/s3/README.md')) ?? []
  expect(shown).toBe(read('test/upstreams/s3-example.ts'))
})

function messageOf(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('It does not throw')
}

/** The first cells of a table whose first column has this head. */
function firstCells(text: string, head: string): string[] {
  const rows = text.split(`\n| ${head} `)[1]!.split('\n\n')[0]!.split('\n').slice(2)
  return rows.map((row) => row.split('|')[1]!.trim().replaceAll('`', '')).toSorted()
}

it('README.md lists every error code', () => {
  const [, codes = ''] = /type ErrorCode =([\s\S]*?)\n\n/.exec(read('packages/core/src/errors.ts')) ?? [] // prettier-ignore
  const names = [...codes.matchAll(/'(ERR_\w+)'/g)].map(([, name]) => name!)
  expect(names.length).toBeGreaterThan(10)
  for (const name of names) expect(read('README.md')).toContain(`\`${name}\``)
})
