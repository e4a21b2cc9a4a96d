// Every block of JavaScript in the READMEs, and every server that the demo shows, runs, and what it
// serves is served by range.

import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { servers } from '../../examples/media-server/public/servers.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const files = [
  'README.md',
  ...['core', 'express', 'http', 'koa', 's3', 'zip'].map((name) => `packages/${name}/README.md`),
]

interface Block {
  readonly file: string
  readonly code: string
  /** What is requested of it; `undefined` if it needs a service that is not here, and is only loaded. */
  readonly url: string | undefined
  readonly put: boolean
}

/** The path that a block serves, by what is in it. */
const paths: [pattern: RegExp, url: string | undefined][] = [
  [/client-s3'/, undefined],
  [/createServer\(rangeStatic\(/, '/clip.mp4'],
  [/makes what other/, '/media/clip.mp4'],
  [/\/photos\.zip/, '/photos.zip'],
  [/'\/live\.ts'/, '/live.ts'],
  [/'\/a'/, '/a'],
  [/new Hono/, '/media/clip.mp4'],
  [/clip\.webm/, '/clip.webm'],
  [/./, '/clip'],
]

function describeBlock(file: string, code: string): Block {
  const [, url] = paths.find(([pattern]) => pattern.test(code))!
  return { file, code, url, put: code.includes('app.put(') }
}

const fence = /^( *)```(?:js|ts)\n([\s\S]*?)^ *```/gm
const blocks = [
  ...files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(fence)].map(([, , code = '']) =>
      describeBlock(file, code),
    ),
  ),
  ...Object.values(servers).map((code) => describeBlock('the demo', code)),
]
const own = join(root, 'test/.artifacts/blocks')

let folder: string
let outcomes: readonly unknown[]

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'range-serve-blocks-'))
  for (const part of ['media', 'photos']) mkdirSync(join(folder, part))
  mkdirSync(own, { recursive: true })
  const clip = join(root, 'examples/media-server/media/plucked.mp3')
  const copies = ['clip.mp4', 'other.mp4', 'a.ts', 'media/clip.mp4', 'photos/1.jpg', 'photos/2.jpg']
  for (const name of copies) cpSync(clip, join(folder, name))
  cpSync(clip, join(own, 'clip.mp4'))
  writeFileSync(join(folder, 'blocks.json'), JSON.stringify(blocks))
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(root, 'test/support/run-blocks.mjs'), folder],
    { cwd: join(root, 'test'), timeout: 50_000 },
  )
  outcomes = JSON.parse(stdout.trim().split('\n').at(-1)!) as unknown[]
})

afterAll(() => {
  for (const made of [folder, own]) rmSync(made, { recursive: true, force: true })
})

describe.each([...files, 'the demo'])('the blocks of %s', (file) => {
  const inFile = blocks.flatMap((block, index) =>
    block.file === file ? [{ ...block, index }] : [],
  )
  it.each(inFile)('run: $code', ({ index, url, code }) => {
    const counted = code.includes('function onTransfer(')
    const expected = counted ? /^counted$/ : url === undefined ? /^loaded$/ : /^206 bytes 0-3\//
    expect(outcomes[index]).toMatch(expected)
  })
})
