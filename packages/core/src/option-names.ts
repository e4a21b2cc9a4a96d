// The names of options. An unknown name is an error that says what to write instead.

import { invalidArgument } from './errors.ts'

const sendNames: readonly string[] = [
  'type',
  'etag',
  'lastModified',
  'cacheControl',
  'maxAge',
  'immutable',
  'filename',
  'disposition',
  'headers',
  'acceptRanges',
  'maxRanges',
  'maxSkip',
  'maxResponse',
  'pace',
  'root',
  'dotfiles',
  'followSymlinks',
  'reads',
  'signal',
  'onTransfer',
]
const serveNames: readonly string[] = [
  'acceptRanges',
  'maxRanges',
  'maxSkip',
  'maxResponse',
  'onTransfer',
  'root',
  'dotfiles',
  'followSymlinks',
  'reads',
]
const notOfFolders: ReadonlySet<string> = new Set(['root', 'type', 'filename', 'signal'])
const folderNames: readonly string[] = [
  ...sendNames.filter((name) => !notOfFolders.has(name)),
  'index',
  'extensions',
  'redirect',
  'precompressed',
  'fallthrough',
  'setHeaders',
]
/** A function in place of a folder decides which file a path stands for. */
const notOfStores: ReadonlySet<string> = new Set([
  'dotfiles',
  'followSymlinks',
  'index',
  'extensions',
  'redirect',
  'precompressed',
])

/** Without a file system there is nothing that these could concern. */
const ofFiles: ReadonlySet<string> = new Set(['root', 'dotfiles', 'followSymlinks', 'reads'])

/** A call that takes options. */
export type OptionCall =
  | 'sendRange'
  | 'toResponse'
  | 'rangeServe'
  | 'rangeStatic'
  | 'rangeStatic of Koa'
  | 'rangeStatic of a function'
  | 'rangeStatic of Koa and a function'

const storeNames = folderNames.filter((name) => !notOfStores.has(name))

/** By the call that takes them. */
const namesOf: Readonly<Record<OptionCall, ReadonlySet<string>>> = {
  sendRange: new Set(sendNames),
  toResponse: new Set(sendNames.filter((name) => !ofFiles.has(name))),
  rangeServe: new Set(serveNames),
  rangeStatic: new Set(folderNames),
  'rangeStatic of Koa': new Set([...folderNames, 'prefix']),
  'rangeStatic of a function': new Set(storeNames),
  'rangeStatic of Koa and a function': new Set([...storeNames, 'prefix']),
}

const compression = 'a compression middleware before rangeServe'
/** The same for a folder, which has its own options for some of them. */
const adviceOfFolders: Readonly<Record<string, string>> = {
  gzip: 'precompressed',
  brotli: 'precompressed',
  br: 'precompressed',
  root: 'the root as the first argument',
  format: 'redirect',
  from: 'the root as the first argument',
  type: 'a Content-Type in setHeaders',
  filename: 'disposition; the name is that of the file',
}

/** Options of other libraries, and of calls that do not have them: what to write instead. */
const advice: Readonly<Record<string, string>> = {
  hidden: "dotfiles: 'allow'",
  maxage: 'maxAge, in milliseconds or as text',
  bytesPerSecond: 'pace: { bytesPerSecond }',
  burst: 'pace: { bytesPerSecond, burst }',
  contentType: 'type',
  mimeType: 'type',
  gzip: compression,
  brotli: compression,
  br: compression,
  defer: 'the order of the middleware: what comes first is asked first',
  format: 'redirect, of rangeStatic',
  from: 'root',
  single: 'a route of your own after rangeStatic',
  dev: 'nothing: each request looks at its file',
  start: 'fromReader, or a file stream with start and end, behind rangeServe',
  end: 'fromReader, or a file stream with start and end, behind rangeServe',
  length: 'fromStream(stream, { length }), or fromReader({ length, read })',
  size: 'fromStream(stream, { length }), or fromReader({ length, read })',
  syncReads: "reads: 'adaptive', which is the default",
  status: 'res.status(…), or ctx.status, before the call',
  statusCode: 'res.status(…), or ctx.status, before the call',
}

/**
 * Throws for an option that the call does not have.
 *
 * @throws TypeError `ERR_UNKNOWN_OPTION`, which names the option and what to write instead
 */
export function validateOptionNames(call: OptionCall, options: object): void {
  const known = namesOf[call]
  for (const name in options) {
    if (known.has(name) || Reflect.get(options, name) === undefined) continue
    const [title] = call.split(' ')
    throw invalidArgument(
      'ERR_UNKNOWN_OPTION',
      `${title} has no option ${JSON.stringify(name)}: ${suggest(name, call)}`,
    )
  }
}

function suggest(name: string, call: OptionCall): string {
  const isFolder = call === 'rangeStatic' || call === 'rangeStatic of Koa'
  for (const each of isFolder ? [adviceOfFolders, advice] : [advice]) {
    if (Object.hasOwn(each, name)) return `write ${each[name]} instead`
  }
  const [nearest] = [...namesOf[call]]
    .map((known) => ({ known, distance: distance(name.toLowerCase(), known.toLowerCase()) }))
    .filter((each) => each.distance <= Math.max(1, Math.floor(name.length / 3)))
    .toSorted((a, b) => a.distance - b.distance)
  if (nearest) return `did you mean ${nearest.known}?`
  const [taker] = Object.entries(namesOf).find(([, names]) => names.has(name)) ?? []
  if (taker) {
    return `it is an option of ${call.startsWith(taker) ? `${taker} of a folder` : taker}`
  }
  return `it takes ${[...namesOf[call]].join(', ')}`
}

/** How many letters to insert, delete or replace to make one word of another. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[to.length]!
}
