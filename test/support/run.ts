import { execFile } from 'node:child_process'

export interface Ended {
  /** Its exit code; `null` if a signal ended it. */
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** Runs a program to its end, or kills it after a minute. */
export function run(path: string, args: readonly string[], cwd?: string): Promise<Ended> {
  const options = { cwd, encoding: 'buffer', timeout: 60_000, maxBuffer: 64 * 1024 * 1024 } as const
  return new Promise((resolve) => {
    const child = execFile(path, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr: stderr.toString() })
    })
  })
}
