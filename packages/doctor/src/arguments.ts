// The command line.

import { parseArgs } from 'node:util'
import { messageOf } from './cannot-check.ts'

export const usage: string = `Checks how a URL responds to range and conditional requests.

Usage: npx @range-serve/doctor <url> [options]

  -H, --header 'Name: value'  send this field with each request (may be repeated)
      --json                  print the report as JSON
  -v, --verbose               list every check, all evidence and all remedies
      --timeout <seconds>     for each request (default: 10)
  -k, --insecure              go on if the certificate cannot be verified
  -h, --help                  print this

Sends at most 60 requests, only GET and HEAD, and reads at most 16 KiB of each response.
Exit status: 0 if all is right, 1 if something is wrong, 2 if it could not be checked.
Colors: on a terminal, unless NO_COLOR is set.
`

export interface Arguments {
  readonly url: URL
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly json: boolean
  readonly verbose: boolean
  /** In milliseconds. */
  readonly timeout: number
  readonly insecure: boolean
}

/** Parses the arguments; a string is an error to print, `undefined` a request for the usage. */
export function parseArguments(args: readonly string[]): Arguments | string | undefined {
  const parsed = parse(args)
  if (typeof parsed === 'string') return parsed
  const { values, positionals } = parsed
  if (values.help === true) return undefined
  const [text, ...more] = positionals
  if (text === undefined) return 'No URL is given'
  if (more.length > 0)
    return `One URL at a time, got ${positionals.length}: ${positionals.join(' ')}`
  const url = parseUrl(text)
  if (typeof url === 'string') return url
  const headers: [name: string, value: string][] = []
  for (const each of values.header ?? []) {
    const header = parseHeader(each)
    if (typeof header === 'string') return header
    headers.push(header)
  }
  const seconds = Number(values.timeout ?? 10)
  if (!(seconds > 0 && seconds <= 600)) {
    return `--timeout must be a number of seconds from 0 to 600, got ${values.timeout}`
  }
  return {
    url,
    headers,
    json: values.json ?? false,
    verbose: values.verbose ?? false,
    timeout: seconds * 1000,
    insecure: values.insecure ?? false,
  }
}

interface Parsed {
  readonly values: {
    readonly header?: string[]
    readonly json?: boolean
    readonly verbose?: boolean
    readonly timeout?: string
    readonly insecure?: boolean
    readonly help?: boolean
  }
  readonly positionals: readonly string[]
}

function parse(args: readonly string[]): Parsed | string {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        header: { type: 'string', short: 'H', multiple: true },
        json: { type: 'boolean' },
        verbose: { type: 'boolean', short: 'v' },
        timeout: { type: 'string' },
        insecure: { type: 'boolean', short: 'k' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    // The rest of Node's message is about arguments that begin with a dash.
    return messageOf(error).split('. ')[0]!
  }
}

function parseUrl(text: string): URL | string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol)) return url
  const guess = `https://${text}`
  const hint = /^[\w-]+(\.[\w-]+)+(:\d+)?(\/|$)/.test(text) ? `: did you mean ${guess}?` : ''
  return `${text} is not an http or https URL${hint}`
}

function parseHeader(text: string): [name: string, value: string] | string {
  const match = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\t\u0020-\u007E\u0080-\u00FF]*)$/.exec(text)
  if (!match) return `--header must be of the form 'Name: value', got '${text}'`
  const [, name = '', value = ''] = match
  if (
    /^(range|if-.*|accept-encoding|host|connection|keep-alive|proxy-connection|upgrade|te|content-length|transfer-encoding)$/i.test(
      name,
    )
  ) {
    return `--header cannot set ${name}: the checks do`
  }
  return [name, value.trim()]
}
