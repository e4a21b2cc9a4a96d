// A step of a command: named before it begins, timed, and silent unless it fails.

import { spawn } from 'node:child_process'

/**
 * Runs a program, and shows its output only if it fails. The title is printed at once, with the
 * time that has passed; on a terminal, the time runs.
 *
 * @param {string} title what is under way, such as `Building`
 * @param {string[]} command a path and its arguments
 * @param {{
 *   cwd?: string,
 *   env?: NodeJS.ProcessEnv,
 *   shell?: boolean,
 *   stdout?: NodeJS.WritableStream & { isTTY?: boolean },
 * }} [options]
 * @returns {Promise<{ status: number, output: string }>} a status other than 0 is a failure
 */
export async function runStep(title, [path, ...args], options = {}) {
  const { stdout = process.stdout, ...rest } = options
  const started = Date.now()
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`
  stdout.write(`${title}… `)
  const clock = stdout.isTTY
    ? setInterval(() => stdout.write(`\r${title}… ${seconds()} `), 1000)
    : undefined
  const { status, output } = await run(path, args, rest)
  clearInterval(clock)
  const start = stdout.isTTY ? `\r${title}… ` : ''
  stdout.write(`${start}${seconds()}${status === 0 ? '' : ', failed'}\n`)
  if (status !== 0 && output.trim() !== '') stdout.write(`\n${output.trimEnd()}\n`)
  return { status, output }
}

/** @returns {Promise<{ status: number, output: string }>} */
function run(path, args, options) {
  return new Promise((resolve) => {
    const chunks = []
    const child = spawn(path, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', (chunk) => chunks.push(chunk))
    child.stderr.on('data', (chunk) => chunks.push(chunk))
    const end = (status, more = '') =>
      resolve({ status, output: Buffer.concat(chunks).toString() + more })
    child.on('error', (error) => end(1, `${path}: ${error.message}\n`))
    child.on('close', (code, signal) => end(code ?? 1, signal ? `Ended by ${signal}\n` : ''))
  })
}
