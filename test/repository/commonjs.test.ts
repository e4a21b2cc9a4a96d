import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const cwd = fileURLToPath(new URL('..', import.meta.url))

const uses: [packageName: string, name: string, use: string, answer: string][] = [
  ['core', 'parseRange', '("bytes=0-1")', '[{"firstPos":0,"lastPos":1}]'],
  ['core/adapter', 'prepare', '.length', '4'],
  ['core/filter', 'planPassing', '.length', '4'],
  ['core/sources', 'isWeak', '(\'W/"v1"\')', 'true'],
  ['http', 'fromHttp', '.length', '1'],
  ['http/upstream', 'openRemote', '.length', '4'],
  ['s3', 'fromS3', '.length', '1'],
  ['express', 'rangeServe', '().length', '3'],
  ['koa', 'rangeServe', '().length', '2'],
  ['zip', 'fromZip', '([]) instanceof Promise', 'true'],
]

it.each(uses)('@range-serve/%s can be required', async (packageName, name, use, answer) => {
  const program = `const { ${name} } = require('@range-serve/${packageName}'); console.log(JSON.stringify(${name}${use}))`
  const args = ['--input-type=commonjs', '--eval', program]
  const { stdout } = await run(process.execPath, args, { cwd })
  expect(stdout.trim()).toBe(answer)
})
