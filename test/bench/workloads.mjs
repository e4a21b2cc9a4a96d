// The requests to each server, as data, and the targets of the ratios. One table: targets and comparisons
// name its rows.

import { KiB, MiB } from './fixture.mjs'
import {
  bytesApart,
  jsonText,
  manyRanges,
  notModified,
  oneRange,
  overlapping,
  randomRanges,
  text,
  whole,
} from './requests.mjs'

const frameworks = ['core', 'express-sendRange', 'koa-sendRange']
const createServers = [
  'express-createServer-sendRange',
  'express-createServer-rangeStatic',
  'express-createServer-ceiling',
]
const ceilings = ['ram', 'express-ceiling', 'koa-ceiling']
const koaRange = ['koa-send+koa-range', 'koa-static+koa-range']
const everything = [
  ...frameworks,
  'express-rangeStatic',
  'koa-rangeStatic',
  'core-async',
  ...createServers,
  ...ceilings,
  'naive',
  'express.static',
  'res.sendFile',
  ...koaRange,
  'sirv',
  '@fastify/static',
  '@hono/node-server',
  'srvx',
  'nginx',
  'apache',
]
const without = (...names) => everything.filter((name) => !names.includes(name))

/**
 * Each: name, title; `file`, and `asks` for it; `servers`, the first of which the others are
 * compared with; `quick`, those of a quick run (`[]`: none). `cases` stand in for `file`, `asks`
 * and `connections` if one server gets several kinds of request. `per` is the unit of the cost,
 * `rounds` how many times the usual number, `growth` compares each server with itself. The most
 * important come first: a quick run that is short of time omits the end.
 */
export const workloads = [
  {
    name: '64k',
    title: '64 KiB random ranges of a 1 GiB file, 32 connections',
    file: 'big.bin',
    asks: randomRanges(64 * KiB),
    servers: everything,
    quick: [
      ...frameworks,
      'express-rangeStatic',
      'ram',
      'koa-ceiling',
      'naive',
      'express.static',
      'sirv',
    ],
  },
  {
    name: '256m',
    title: '256 MiB ranges of a 1 GiB file, 4 connections',
    file: 'big.bin',
    asks: randomRanges(256 * MiB, 64),
    connections: 4,
    per: 'GiB',
    servers: without(...koaRange),
    quick: ['express-sendRange', 'ram', 'express.static'],
  },
  {
    name: '1m',
    title: '1 MiB random ranges of a 1 GiB file, 32 connections',
    file: 'big.bin',
    asks: randomRanges(MiB, 1024),
    servers: without(...koaRange),
    quick: ['express-sendRange', 'express.static'],
  },
  {
    name: '304',
    title: 'If-None-Match: 304, 32 connections',
    file: 'big.bin',
    asks: notModified,
    servers: without('naive', '@hono/node-server', ...koaRange),
    quick: ['core', 'express-sendRange', 'ram', 'express.static', 'apache'],
  },
  {
    name: 'probe',
    title: 'The probe of a player: bytes=0-1 of a 1 GiB file, 32 connections',
    file: 'big.bin',
    asks: oneRange(0, 2),
    servers: everything,
    quick: ['core', 'express-sendRange', 'ram', 'express.static', 'sirv', 'apache'],
  },
  {
    name: 'whole',
    title: 'A whole file of 4 KiB, 32 connections',
    file: 'small.bin',
    asks: whole,
    servers: everything,
    quick: ['core', 'express-sendRange', 'ram', 'express.static', 'sirv', 'apache'],
  },
  {
    name: 'multi',
    title: '8 parts of 4 KiB of a 1 GiB file, 32 connections',
    file: 'big.bin',
    asks: manyRanges(8, 4 * KiB),
    servers: [...frameworks, ...createServers.slice(0, 2), 'nginx', 'apache'],
    quick: ['core', 'nginx', 'apache'],
  },
  {
    name: 'piped',
    title: '64 KiB random ranges of fs.createReadStream of a 1 GiB file, 32 connections',
    file: 'big.bin',
    asks: randomRanges(64 * KiB),
    servers: ['express-sendRange', 'express-stream-filter', 'koa-sendRange', 'koa-stream-filter'],
  },
  ...['express', 'koa'].flatMap((framework) => [
    {
      name: `${framework}-empty`,
      title: `The filter's cost in ${framework} where there is no Range and no content`,
      rounds: 2,
      asks: text(''),
      servers: [`${framework}-empty-filter`, `${framework}-empty-field`, `${framework}-empty`],
    },
    {
      name: `${framework}-json`,
      title: `The filter's cost in ${framework} where there is no Range, on 1 KiB of JSON`,
      rounds: 2,
      asks: text(jsonText),
      servers: [`${framework}-json-filter`, `${framework}-json-field`, `${framework}-json`],
    },
  ]),
  {
    name: 'stream',
    title: 'The last 1 KiB of fs.createReadStream of a 1 GiB file in Koa, 32 connections',
    file: 'big.bin',
    asks: oneRange(-KiB, KiB),
    servers: ['koa-stream-filter', 'koa-sendRange', 'koa-stream+koa-range'],
    quick: [],
  },
  {
    name: 'slow-readers',
    title: '512 slow readers of 100 MiB each, then all cut off',
    file: 'big.bin',
    slowReaders: 512,
    length: 100 * MiB,
    servers: [...frameworks, 'naive'],
    quick: ['core'],
  },
  {
    name: 'seek',
    title: '64 KiB at the first byte and at the end of a sparse file of 1 TiB, 32 connections',
    file: 'sparse-1TiB.bin',
    cases: {
      first: { asks: oneRange(0, 64 * KiB) },
      last: { asks: oneRange(-64 * KiB, 64 * KiB) },
    },
    servers: [...frameworks, 'naive', 'express.static', 'nginx', 'apache'],
    quick: frameworks,
  },
  {
    name: 'buffer',
    title: '64 KiB random ranges of a Buffer of 16 MiB, 32 connections',
    file: 'middle.bin',
    asks: randomRanges(64 * KiB),
    servers: [
      'express-buffer-filter',
      'express-buffer-filter-etag',
      'express-buffer-by-hand',
      'express-buffer-by-hand-etag',
      'express-ceiling',
      'koa-buffer-filter',
      'koa-buffer+koa-range',
      'koa-ceiling',
      'ram',
    ],
    quick: [],
  },
  {
    name: 'connections',
    title: 'Growth: connections, 64 KiB random ranges of a 1 GiB file',
    growth: true,
    file: 'big.bin',
    cases: Object.fromEntries(
      [1, 8, 32, 128, 512, 2000].map((connections) => [
        connections,
        { connections, asks: randomRanges(64 * KiB) },
      ]),
    ),
    servers: [...frameworks, 'ram', 'naive', 'nginx'],
    quick: [],
  },
  {
    name: 'ranges-overlapping',
    title: 'Growth: ranges in the header that overlap, so that one part is left',
    growth: true,
    file: 'ranges.bin',
    cases: Object.fromEntries([1, 10, 100, 1000, 5000].map((n) => [n, { asks: overlapping(n) }])),
    servers: frameworks,
    quick: [],
  },
  {
    name: 'ranges-apart',
    title: 'Growth: ranges in the header, one byte each, over 1 MiB (whole past 100)',
    growth: true,
    file: 'ranges.bin',
    cases: Object.fromEntries([1, 10, 100, 1000, 5000].map((n) => [n, { asks: bytesApart(n) }])),
    servers: frameworks,
    quick: [],
  },
  {
    name: 'size',
    title: 'Growth: the length of a sparse file, 1 KiB random ranges',
    growth: true,
    cases: Object.fromEntries(
      ['1KiB', '64KiB', '1MiB', '1GiB', '1TiB'].map((size) => [
        size,
        { file: `sparse-${size}.bin`, asks: randomRanges(KiB, 256) },
      ]),
    ),
    servers: [...frameworks, 'naive', 'nginx'],
    quick: [],
  },
]

const target = (text, workload, ours, peer, least) => ({ text, workload, ours, peer, least })

/** `least` of the peer's CPU over ours; if it stands alone, of one of its cases over another. */
export const targets = [
  target('core, 64 KiB, of RAM', '64k', 'core', 'ram', 0.65),
  target('core, 64 KiB', '64k', 'core', 'naive', 2.4),
  ...['express-sendRange', 'express-rangeStatic'].flatMap((ours) => [
    target(`${ours}, 64 KiB`, '64k', ours, 'express.static', 3.2),
    target(`${ours}, 64 KiB`, '64k', ours, 'sirv', 2.2),
  ]),
  target('koa-sendRange, 64 KiB, of the Koa ceiling', '64k', 'koa-sendRange', 'koa-ceiling', 0.75),
  target('Express, probe', 'probe', 'express-sendRange', 'express.static', 2.2),
  target('Express, probe', 'probe', 'express-sendRange', 'sirv', 1.5),
  target('Express, whole 4 KiB', 'whole', 'express-sendRange', 'express.static', 2.6),
  target('Express, whole 4 KiB', 'whole', 'express-sendRange', 'sirv', 1.5),
  target('Express, 304', '304', 'express-sendRange', 'express.static', 1.8),
  target('core, probe, of RAM', 'probe', 'core', 'ram', 0.75),
  target('core, whole 4 KiB, of RAM', 'whole', 'core', 'ram', 0.75),
  target('core, 304, of RAM', '304', 'core', 'ram', 0.85),
  ...['probe', 'whole', '304'].map((workload) =>
    target(`core, ${workload}`, workload, 'core', 'apache', 1),
  ),
  target('core, 8 parts', 'multi', 'core', 'nginx', 1),
  target('core, 8 parts', 'multi', 'core', 'apache', 1),
  target('Express, 1 MiB', '1m', 'express-sendRange', 'express.static', 2.5),
  target('Express, 256 MiB', '256m', 'express-sendRange', 'express.static', 2),
  target('Express, 256 MiB, of RAM', '256m', 'express-sendRange', 'ram', 0.6),
  ...['express', 'koa'].map((framework) =>
    target(
      `${framework}: piped createReadStream, 64 KiB`,
      'piped',
      `${framework}-stream-filter`,
      `${framework}-sendRange`,
      0.6,
    ),
  ),
  ...['express', 'koa'].flatMap((framework) =>
    ['empty', 'json'].flatMap((content) => {
      const name = `${framework}-${content}`
      const title = `filter without Range, ${name}`
      // Any middleware that sets a field costs some; the second row is what the decision adds.
      return ['', '-field'].map((than) =>
        target(title, name, `${name}-filter`, `${name}${than}`, 1 / 1.03),
      )
    }),
  ),
  ...frameworks.map((ours) =>
    target(`${ours}, the end of 1 TiB`, 'seek', `${ours} @ last`, `${ours} @ first`, 0.95),
  ),
]

/** For the slow readers: memory above idle, and descriptors left. */
export const slowReaderTargets = { servers: frameworks, mostMiB: 160, mostDescriptors: 0 }
