// The comparison as a table.

import { pairedRatios, table } from './report.mjs'

/** The servers, in their order; `packages` are those whose versions are named. */
export const peers = [
  { server: 'express-rangeStatic', label: '**range-serve**, Express', packages: ['express'] },
  { server: 'koa-rangeStatic', label: '**range-serve**, Koa', packages: ['koa'] },
  { server: 'express.static', label: 'express.static', packages: ['express'] },
  { server: 'koa-static+koa-range', label: 'koa-static + koa-range', packages: ['koa-static', 'koa-range'] }, // prettier-ignore
  { server: 'sirv', label: 'sirv', packages: ['sirv'] },
  { server: '@fastify/static', label: '@fastify/static', packages: ['@fastify/static'] },
  { server: '@hono/node-server', label: '@hono/node-server', packages: ['@hono/node-server'] },
  { server: 'srvx', label: 'srvx', packages: ['srvx'] },
  { server: 'nginx', label: 'nginx', packages: ['nginx'] },
  { server: 'apache', label: 'Apache', packages: ['Apache'] },
]

const reference = 'express.static'
const workloads = [
  ['64k', '64 KiB'],
  ['1m', '1 MiB'],
]
const marks = { right: '✓', wrong: '✗', advice: '~', declined: '–', 'not checked': '' }

export function formatComparison({ checks, speed }) {
  const present = peers.filter(({ server }) => checks.servers[server])
  const of = (key) => present.map(({ server }) => key(checks.servers[server]))
  const titles = Object.keys(checks.servers[present[0].server].topics)
  const checked = titles.filter((title) =>
    of(({ topics }) => topics[title]).some((mark) => mark !== 'not checked'),
  )
  const versions = present.map(({ packages }) =>
    packages.map((name) => checks.versions[name]).join(' + '),
  )
  const rows = [
    ['Version', ...versions],
    ['Checks met', ...of(({ met, of: all }) => `${met} of ${all}`)],
    ...checked.map((title) => [title, ...of(({ topics }) => marks[topics[title]])]),
    ['Responds to every request', ...of(({ responds }) => (responds ? '✓' : 'does not respond'))],
  ]
  return `
Checked on ${checks.date}, Node ${checks.node}. ✓ right; ✗ something that clients notice; ~ could be better; – not offered, as the RFC allows.

${table(['', ...present.map(({ label }) => label)], rows)}

${formatSpeed(speed)}

`
}

function formatSpeed(speed) {
  if (!speed) return 'Speed: not measured yet.'
  const measured = workloads.filter(([name]) => speed.workloads[name]?.[reference])
  const rows = peers.map(({ server, label }) => [
    label,
    ...measured.map(([name]) => formatRatio(speed.workloads[name], server)),
  ])
  return `Requests per second of CPU time, \`${reference}\` = 1, in ranges of a file of 1 GiB: the median of rounds side by side (the least and the most). Measured on ${speed.date}, Node ${speed.node}, ${speed.machine}.

${table(['Server', ...measured.map(([, title]) => title)], rows)}`
}

function formatRatio(costs, server) {
  if (!costs[server]) return 'not measured'
  if (server === reference) return '1'
  const [other, base] = [costs[server], costs[reference]].map((rounds) => ({
    results: rounds.map((cost) => ({ cost })),
  }))
  const { median, least, most } = pairedRatios(base, other)
  const format = (ratio) => (ratio < 0.01 ? '< 0.01' : ratio.toPrecision(2))
  return `${format(median)} (${format(least)}–${format(most)})`
}
