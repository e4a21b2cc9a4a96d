#!/usr/bin/env node
import { runDoctor } from './run.ts'

const { NO_COLOR } = process.env
process.exitCode = await runDoctor(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  // https://no-color.org: any value that is not empty.
  colors: process.stdout.isTTY && (NO_COLOR === undefined || NO_COLOR === ''),
}).catch((error: unknown) => {
  console.error(error)
  return 2 as const
})
