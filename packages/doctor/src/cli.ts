#!/usr/bin/env node
import { mayColor, runDoctor } from './run.ts'

process.exitCode = await runDoctor(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  colors: mayColor(process.stdout, process.env),
}).catch((error: unknown) => {
  console.error(error)
  return 2 as const
})
