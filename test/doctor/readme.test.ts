import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'
import { usage } from '../../packages/doctor/src/arguments.ts'
import { listen, type Running } from '../support/listen.ts'
import { makeServer, wrongServers } from './wrong-servers.ts'

const readme = readFileSync(new URL('../../packages/doctor/README.md', import.meta.url), 'utf8')
const run = promisify(execFile)
let running: Running | undefined
afterAll(() => running?.close())

it('the program in the README runs', async () => {
  running = await listen(makeServer(wrongServers.find(({ name }) => name === 'ignores Range')!))
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(readme) ?? []
  const url = `http://127.0.0.1:${running.port}/`
  const program = code.replace('https://example.com/video.mp4', url)
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  const args = ['--input-type=module', '--eval', program]
  const { stdout } = await run(process.execPath, args, { cwd })
  expect(stdout).toMatch(/^wrong Range is ignored: the full content is sent Range: bytes=0-0 yields 200\n/) // prettier-ignore
})

it('the README lists every option of the command', () => {
  const options = [...usage.matchAll(/(--[a-z]+)/g)].map(([option]) => option)
  expect(options.length).toBeGreaterThan(5)
  for (const option of options) if (option !== '--help') expect(readme).toContain(option)
})
