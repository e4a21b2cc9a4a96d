// The command of the doctor, and servers for it that are closed after the test.

import { afterEach } from 'vitest'
import { runDoctor } from '../../packages/doctor/src/run.ts'
import { listen } from './listen.ts'

export const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

export async function start(server: Parameters<typeof listen>[0]): Promise<string> {
  const { port, close } = await listen(server)
  closing.push(close)
  return `http://127.0.0.1:${port}/clip.mp4`
}

export async function doctor(
  ...args: string[]
): Promise<{ status: number; output: string; errors: string }> {
  let output = ''
  let errors = ''
  const status = await runDoctor(args, {
    out: (text) => (output += text),
    error: (text) => (errors += text),
    colors: false,
  })
  return { status, output, errors }
}
