// The settings of the demo, from its command line and environment.

import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { explain, readArguments } from '../../examples/media-server/arguments.mjs'

const media = fileURLToPath(new URL('../../examples/media-server/media', import.meta.url))
const defaults = {
  folder: '/own',
  koa: false,
  fast: false,
  port: 3000,
  host: '127.0.0.1',
  workers: 1,
}

it.each<[args: string[], env: Record<string, string>, expected: object]>([
  [[], {}, {}],
  [[], { PORT: '', HOST: '' }, {}],
  [[], { PORT: '0', HOST: '::1' }, { port: 0, host: '::1' }],
  [['--port', '3001', '--koa', '--fast'], { PORT: '1' }, { port: 3001, koa: true, fast: true }],
  [['-p', '65535'], { WORKERS: '2' }, { port: 65_535, workers: 2 }],
  // The environment of `npm start --koa --port=3001`.
  [[], { npm_config_koa: 'true', npm_config_port: '3001' }, { koa: true, port: 3001 }],
  [['media'], { INIT_CWD: `${media}/..` }, { folder: media }],
])('accepts %j with %j', async (args, env, expected) => {
  expect(await readArguments(args, env, '/own')).toEqual({ ...defaults, ...expected })
})

it.each<[args: string[], env: Record<string, string>, says: string]>([
  [[], { PORT: '3000x' }, 'PORT must be a number from 0 to 65535, got "3000x".'],
  [[], { WORKERS: '0' }, 'WORKERS must be a number from 1 to 64, got "0".'],
  [['--port=70000'], {}, '--port must be a number from 0 to 65535, got "70000".'],
  [['no-such-folder'], { INIT_CWD: media }, `There is no folder ${media}/no-such-folder.`],
  [
    ['dive.mp4'],
    { INIT_CWD: media },
    `${media}/dive.mp4 is a file. To serve its folder: npm start -- "${media}"`,
  ],
  [['a', 'b'], {}, 'One folder, please, not 2'],
])('refuses %j with %j in a sentence', async (args, env, says) => {
  expect(await readArguments(args, env, '/own')).toEqual({ say: says, status: 1 })
})

it('shows the usage, and after an unknown option too', async () => {
  const help = await readArguments(['--help'], {}, '/own')
  expect(help).toMatchObject({ say: expect.stringMatching(/^Usage: npm start/), status: 0 })
  const unknown = await readArguments(['--kao'], {}, '/own')
  expect(unknown).toMatchObject({ say: expect.stringMatching(/'--kao'.*\n\nUsage: /s), status: 1 })
})

it.each([
  ['EADDRINUSE', 3000, /Port 3000 is taken\. .*--port 3001, or PORT=3001 npm start$/],
  ['EADDRINUSE', 65_535, /--port 3000/],
  ['EACCES', 80, /Port 80 needs more rights/],
  ['EADDRNOTAVAIL', 80, /HOST must be an address of this machine/],
])('explains %s', (code, port, says) => {
  expect(explain(Object.assign(new Error('listen'), { code }), port, '10.9.8.7')).toMatch(says)
})
