// A report as text of one screen, or of all that was found.

import { styleText } from 'node:util'
import type { Finding, Report, TopicReport } from './report.ts'
import type { Platform, Remedies } from './topic.ts'

export interface FormatOptions {
  readonly colors?: boolean
  /** Whether all evidence, checks and platforms are listed. */
  readonly verbose?: boolean
}

type Style = 'green' | 'red' | 'yellow' | 'dim' | 'bold'

const marks = {
  right: ['✓', 'green'],
  wrong: ['✗', 'red'],
  advice: ['!', 'yellow'],
  'not checked': ['–', 'dim'],
} as const

/** Formats a report for a terminal: a summary of one screen, without a final newline. */
export function formatReport(report: Report, options: FormatOptions = {}): string {
  const { colors = false, verbose = false } = options
  const paint = (style: Style, text: string): string =>
    colors ? styleText(style, text, { validateStream: false }) : text
  const lines = [...head(report, paint), '']
  const width = Math.max(...report.topics.map(({ title }) => title.length))
  for (const topic of report.topics) {
    lines.push(formatTopic(topic, width, paint))
    if (verbose) lines.push(...topic.checks.map((check) => `      ${formatCheck(check)}`))
  }
  const platforms = platformsOf(report, verbose)
  const brief = report.findings.filter(({ severity }) => severity === 'advice' && !verbose)
  const full = report.findings.filter((finding) => !brief.includes(finding))
  for (const finding of full) lines.push('', ...formatFinding(finding, platforms, verbose, paint))
  if (brief.length > 0) lines.push('', ...brief.map((finding) => formatBriefly(finding, paint)))
  if (!verbose) lines.push(...formatRemedies(report, platforms, paint))
  return [...lines, '', conclusion(report, verbose, paint), ''].join('\n')
}

type Paint = (style: Style, text: string) => string

function head(
  { url, redirects, representation, software, protocols }: Report,
  paint: Paint,
): string[] {
  const { length, type, etag, lastModified } = representation
  const facts = [
    type ?? 'no Content-Type',
    length === undefined ? 'no length' : `${length.toLocaleString('en')} bytes`,
    etag === undefined ? 'no ETag' : `ETag ${etag}`,
    lastModified ?? 'no Last-Modified',
  ]
  return [
    paint('bold', printable(url)),
    ...redirects.map(({ status, to }) => paint('dim', `  ${status} → ${printable(to)}`)),
    `  ${printable(facts.join(' · '))}`,
    paint('dim', `  ${printable([protocols.join(' and '), software].filter(Boolean).join(' · '))}`),
  ]
}

function formatTopic(topic: TopicReport, width: number, paint: Paint): string {
  const [mark, style] = marks[topic.outcome]
  const counted = topic.checks.filter(({ outcome }) => outcome === 'met' || outcome === 'unmet')
  const met = counted.filter(({ outcome }) => outcome === 'met').length
  const count = counted.length > 0 ? `${met} of ${counted.length}` : ''
  const note = topic.note === undefined ? '' : paint('dim', `(${topic.note})`)
  const text = `${topic.title.padEnd(width)}  ${[count, note].filter(Boolean).join(' ')}`
  return `  ${paint(style, mark)} ${text}`.trimEnd()
}

function formatCheck({
  outcome,
  level,
  section,
  says,
  why,
}: TopicReport['checks'][number]): string {
  const mark = { met: '✓', unmet: '✗', declined: '–', 'not checked': '–' }[outcome]
  return printable(`${mark} ${level} ${says} (§${section})${why === undefined ? '' : `: ${why}`}`)
}

function formatFinding(
  { severity, title, evidence, effects, remedies }: Finding,
  platforms: readonly Platform[],
  verbose: boolean,
  paint: Paint,
): string[] {
  const [mark, style] = marks[severity]
  const shown = verbose ? evidence : evidence.slice(0, 1)
  const more = evidence.length - shown.length
  const mends = verbose ? groupRemedies([remedies], platforms) : []
  return [
    paint(style, `${mark} ${title}`),
    ...shown.map((text) => `    ${printable(text)}`),
    ...(more > 0 ? [paint('dim', `    and ${more} more`)] : []),
    ...Object.entries(effects).map(([client, what]) =>
      what.startsWith('that ') ? `  ${client} ${what}` : `  ${client}: ${what}`,
    ),
    ...mends.map(([names, what]) => paint('dim', `  → ${names}: ${what}`)),
  ]
}

/** Advice on one line. */
function formatBriefly({ title, evidence }: Finding, paint: Paint): string {
  const [mark, style] = marks.advice
  return `${paint(style, mark)} ${title} ${paint('dim', `(${printable(evidence[0]!)})`)}`
}

/** How to mend what is wrong, each remedy once. */
function formatRemedies(
  { findings }: Report,
  platforms: readonly Platform[],
  paint: Paint,
): string[] {
  const wrong = findings.filter(({ severity }) => severity === 'wrong')
  const mends = groupRemedies(wrong.map(({ remedies }) => remedies), platforms) // prettier-ignore
  return mends.length === 0
    ? []
    : ['', ...mends.map(([names, what]) => `${paint('dim', '→')} ${names}: ${what}`)]
}

/** The remedies by platform, those that are the same together. */
function groupRemedies(
  all: readonly Remedies[],
  platforms: readonly Platform[],
): readonly (readonly [names: string, what: string])[] {
  const named = platforms.flatMap((platform) =>
    all.flatMap((remedies) => {
      const what = remedies[platform]
      return what === undefined ? [] : [[platform, what] as const]
    }),
  )
  const texts = [...new Set(named.map(([, what]) => what))]
  return texts.map((text) => {
    const names = named.filter(([, what]) => what === text).map(([platform]) => platform)
    return [[...new Set(names)].join(', '), text]
  })
}

const everything: readonly Platform[] = ['Express', 'Koa', 'nginx', 'S3, CloudFront']

/** The platforms whose remedies are shown: those that a response names, or all. */
function platformsOf({ software = '' }: Report, verbose: boolean): readonly Platform[] {
  const names: readonly [Platform, RegExp][] = [
    ['Express', /express/i],
    ['Koa', /koa/i],
    ['nginx', /nginx|openresty/i],
    ['S3, CloudFront', /amazons3|cloudfront/i],
  ]
  const named = names.filter(([, pattern]) => pattern.test(software)).map(([name]) => name)
  return verbose || named.length === 0 ? everything : named
}

function conclusion({ findings, requests, bytes }: Report, verbose: boolean, paint: Paint): string {
  const cost = paint('dim', `${requests} requests, ${Math.ceil(bytes / 1024)} KiB`)
  const wrong = findings.filter(({ severity }) => severity === 'wrong').length
  const advice = findings.length - wrong
  const notes = advice > 0 ? `, ${advice} to improve` : ''
  const details = findings.length > 0 && !verbose ? paint('dim', ' (--verbose for details)') : ''
  if (wrong === 0) return `${paint('green', `All right${notes}.`)} ${cost}${details}`
  return `${paint('red', `${wrong} wrong${notes}.`)} ${cost}${details}`
}

/** Text of a server without the characters that steer a terminal. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001F\u007F-\u009F]/g, '?')
}
