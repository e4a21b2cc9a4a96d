// The packages inside a bundle, as Next.js and serverless hosts build it.

import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'rolldown'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../support/fixture.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = temporaryFolder()

const sent = [
  ['the media type of a file name', `'README.md', { root: ${JSON.stringify(root)} }`, 'markdown'],
  ['the short form of a media type', `new Uint8Array(1), { type: 'html' }`, 'html'],
] as const

it.each(sent)('a bundle without unused modules knows %s', async (_what, args, subtype) => {
  const input = path.join(folder, `${subtype}.mjs`)
  const file = path.join(folder, `${subtype}.cjs`)
  const program = `
    import { toResponse } from '@range-serve/core'
    toResponse(new Request('http://localhost/'), ${args})
      .then(({ headers }) => console.log(headers.get('Content-Type')))`
  writeFileSync(input, program)
  // As npm has it, beside the folder of the package; the program itself has no folder of modules.
  const resolve = { modules: ['node_modules', path.join(root, 'test/node_modules')] }
  await build({ input, platform: 'node', resolve, output: { file, format: 'cjs' } })
  const { stdout } = await run(process.execPath, [file])
  expect(stdout.trim()).toBe(`text/${subtype}; charset=utf-8`)
})
