// The command, apart from the process that it runs in.

import { parseArguments, usage } from './arguments.ts'
import { CannotCheck } from './cannot-check.ts'
import { takeCredentials } from './credentials.ts'
import { diagnose } from './diagnose.ts'
import { formatReport } from './format-report.ts'

export interface Terminal {
  readonly out: (text: string) => void
  readonly error: (text: string) => void
  readonly colors: boolean
}

/** Whether output may have colors: on a terminal, unless NO_COLOR has any value (https://no-color.org). */
export function mayColor(
  { isTTY }: { readonly isTTY?: boolean },
  { NO_COLOR: no = '' }: Readonly<Record<string, string | undefined>>,
): boolean {
  return isTTY === true && no === ''
}

/** Runs the command and resolves to its exit status. */
export async function runDoctor(args: readonly string[], terminal: Terminal): Promise<0 | 1 | 2> {
  const parsed = parseArguments(args)
  if (parsed === undefined) {
    terminal.out(usage)
    return 0
  }
  if (typeof parsed === 'string') {
    terminal.error(`${parsed}\n\n${usage}`)
    return 2
  }
  const { url: given, json, verbose, ...options } = parsed
  const { url } = takeCredentials(given)
  try {
    const report = await diagnose(given, options)
    const { colors } = terminal
    terminal.out(
      json ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report, { colors, verbose }),
    )
    return report.findings.some(({ severity }) => severity === 'wrong') ? 1 : 0
  } catch (error) {
    if (!(error instanceof CannotCheck)) throw error
    const hint = error.message.includes('certificate') ? ' (--insecure goes on)' : ''
    const message = `${url.host} ${error.message}${hint}`
    if (json) terminal.out(`${JSON.stringify({ url: url.href, error: message }, null, 2)}\n`)
    else terminal.error(`Cannot check ${url.href}: ${message}\n`)
    return 2
  }
}
