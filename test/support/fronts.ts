// What stands in front of an origin, by the configurations in examples/fronts, and how each of them
// departs from what the origin would have sent.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram } from './available.ts'
import { type Front, startFront } from './front.ts'

const configurations = fileURLToPath(new URL('../../examples/fronts/', import.meta.url))

/** What came from upstream. */
export type Upstream = readonly [requests: number, bytes: number]

/** A, B: all of one version; cut: a part of one, visibly incomplete. */
type Version = 'A' | 'B' | 'cut'

export interface Kind {
  readonly name: string
  readonly program: string
  /** Arguments that have it print its version. */
  readonly version: readonly string[]
  readonly files: readonly string[]
  readonly args: (folder: string, port: number) => readonly string[]
  readonly env?: (folder: string, ports: Ports) => NodeJS.ProcessEnv
  /** For a range of 100 KB out of 24 MiB, for the same again, and for 20 ranges at once. */
  readonly cold: Upstream
  readonly warm: Upstream
  readonly parallel: Upstream
  /** Of a file that was replaced: a range that was read before, another, and all of it, twice. */
  readonly replaced: readonly Version[]
  /** Outcomes that are not those of the origin, by request. */
  readonly otherwise: Readonly<Record<string, string>>
  /** Whether a full file comes as one response from the origin. */
  readonly isWhole: boolean
}

interface Ports {
  /** The port that it listens on. */
  readonly PORT: number
  readonly ORIGIN_PORT: number
}

const MiB = 1024 * 1024
const all: Version[] = ['A', 'A', 'A', 'A']
const anew: Version[] = ['B', 'B', 'B', 'B']
/** Keeps a full file, which it reads for the first range of it. */
const keepsFull = {
  cold: [1, 24 * MiB],
  warm: [0, 0],
  parallel: [1, 24 * MiB],
  replaced: all,
  isWhole: true,
} as const
/** Passes each request on, and keeps nothing. */
const keepsNothing = {
  cold: [1, 100_000],
  warm: [1, 100_000],
  parallel: [20, 4_000_000],
  replaced: anew,
  otherwise: {},
  isWhole: true,
} as const
const nginxArgs = (file: string) => (folder: string) => [
  '-p',
  folder,
  '-c',
  `${folder}/${file}`,
  '-g',
  'daemon off; master_process off;',
]

export const kinds: readonly Kind[] = [
  {
    name: 'nginx, full files',
    program: 'nginx',
    version: ['-v'],
    files: ['nginx-whole.conf'],
    args: nginxArgs('nginx-whole.conf'),
    ...keepsFull,
    otherwise: { 'HEAD with Range': '206 with 0 of 100' },
  },
  {
    name: 'nginx, slices',
    program: 'nginx',
    version: ['-v'],
    files: ['nginx-slice.conf'],
    args: nginxArgs('nginx-slice.conf'),
    cold: [1, MiB],
    warm: [0, 0],
    parallel: [22, 22 * MiB],
    replaced: ['A', 'B', 'cut', 'cut'],
    otherwise: {
      'a cut': 'bytes are left out',
      'several ranges': '200',
      'descending ranges': '200',
      'HEAD with Range': '206 with 0 of 100',
    },
    isWhole: false,
  },
  {
    name: 'Varnish',
    program: 'varnishd',
    version: ['-V'],
    files: ['varnish.vcl'],
    args: (folder, port) =>
      `-F -j none -n ${folder} -f ${folder}/varnish.vcl -a 127.0.0.1:${port} -s malloc,200m`.split(
        ' ',
      ),
    ...keepsFull,
    otherwise: { 'several ranges': '200', 'descending ranges': '200' },
  },
  {
    name: 'Squid',
    program: 'squid',
    version: ['-v'],
    files: ['squid.conf'],
    args: (folder) => ['-N', '-f', `${folder}/squid.conf`],
    ...keepsFull,
    otherwise: {
      'If-None-Match': '304 without ETag',
      'beyond the end': '200',
      'HEAD with Range': '206 with 0 of 100',
    },
  },
  {
    name: 'HAProxy',
    program: 'haproxy',
    version: ['-v'],
    files: ['haproxy.cfg'],
    args: (folder) => ['-db', '-f', `${folder}/haproxy.cfg`],
    ...keepsNothing,
  },
  {
    name: 'Traffic Server, slices',
    program: 'traffic_server',
    version: ['-V'],
    files: ['runroot.yaml', 'ip_allow.yaml']
      .map((name) => `trafficserver/${name}`)
      .concat(
        ['records', 'remap', 'storage', 'plugin'].map((name) => `trafficserver/${name}.config`),
      ),
    args: () => [],
    // Its settings can be given by environment: the tests do not wait for 30 s.
    env: (folder) => ({
      TS_RUNROOT: folder,
      PROXY_CONFIG_HTTP_TRANSACTION_NO_ACTIVITY_TIMEOUT_IN: '1',
      PROXY_CONFIG_HTTP_TRANSACTION_NO_ACTIVITY_TIMEOUT_OUT: '1',
    }),
    cold: [2, 2 * MiB],
    warm: [0, 0],
    parallel: [22, 22 * MiB],
    replaced: ['A', 'cut', 'B', 'B'],
    otherwise: {
      'several ranges': '206 0-99',
      'descending ranges': '206 2000000-2000099',
      'If-Range of another': '206 1008-1999',
      'HEAD with Range': '206 with 0 of 100',
    },
    isWhole: false,
  },
  {
    name: 'http-proxy-middleware',
    program: 'node',
    version: ['-v'],
    files: [],
    args: () => [`${configurations}http-proxy-middleware.mjs`],
    env: (_folder, { PORT, ORIGIN_PORT }) => ({ PORT: `${PORT}`, ORIGIN_PORT: `${ORIGIN_PORT}` }),
    ...keepsNothing,
  },
]

/** The program with its version, as it states it. */
export function versionOf({ program, version }: Kind, command: string): string {
  if (program === 'node') {
    const manifest = `${configurations}../node_modules/http-proxy-middleware/package.json`
    return JSON.parse(fs.readFileSync(manifest, 'utf8')).version
  }
  const said = execFileSync('sh', ['-c', '"$0" "$@" 2>&1', command, ...version], {
    encoding: 'utf8',
  })
  return /\d+\.\d+(\.\d+)?/.exec(said)?.[0] ?? ''
}

/** Starts a front in a folder of its own. */
export async function start(kind: Kind, folder: string, originPort: number): Promise<Front> {
  const ports = { PORT: await freePort(), ORIGIN_PORT: originPort }
  const values: Record<string, string | number> = { ...ports, FOLDER: folder }
  fs.mkdirSync(`${folder}/cache`, { recursive: true })
  for (const file of kind.files) {
    const text = fs.readFileSync(configurations + file, 'utf8')
    const filled = text.replaceAll(/\$\{([A-Z_]+)\}/g, (_, name) => String(values[name]))
    fs.writeFileSync(path.join(folder, path.basename(file)), filled)
  }
  // Squid, started by root, becomes another user.
  for (const each of [folder, `${folder}/cache`]) fs.chmodSync(each, 0o777)
  const command = kind.program === 'node' ? process.execPath : findProgram(kind.program)!
  const env = kind.env?.(folder, ports)
  return startFront(command, kind.args(folder, ports.PORT), ports.PORT, env)
}

/** A port outside the range from which the system gives clients theirs. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const server = net.createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}
