import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const usage = `Usage: npm start -- [folder] [--koa] [--fast] [--port 3000]

  folder   what to serve; without it, the clips that come with the demo
  --koa    on Koa rather than Express
  --fast   without the slow line that the page begins with
  --port   where to listen; 0 for any port that is free

  PORT (3000) and HOST (127.0.0.1) of the environment say where, too.
  WORKERS (1) is the number of processes that share the port.`

/**
 * What the command line and the environment say: `{ folder, koa, fast, port, host, workers }`,
 * or `{ say, status }` if that is all there is to do.
 *
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {string} ownFolder what is served unless told otherwise
 */
export async function readArguments(args, env, ownFolder) {
  try {
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
    if (values.help) return { say: usage, status: 0 }
    if (positionals.length > 1) throw new Error(`One folder, please, not ${positionals.length}`)
    // npm takes options for its own unless `--` precedes them, and passes them on like this.
    const { koa = env.npm_config_koa === 'true', fast = env.npm_config_fast === 'true' } = values
    const port =
      readNumber(values.port ?? env.npm_config_port, '--port', ports) ??
      readNumber(env.PORT, 'PORT', ports)
    const workers = readNumber(env.WORKERS, 'WORKERS', [1, 64]) ?? 1
    const folder = await findFolder(positionals[0], ownFolder, env)
    return { folder, koa, fast, port: port ?? 3000, host: env.HOST || '127.0.0.1', workers }
  } catch (error) {
    const isUnclear = error.code?.startsWith('ERR_PARSE_ARGS')
    return { say: isUnclear ? `${error.message}\n\n${usage}` : error.message, status: 1 }
  }
}

const options = {
  koa: { type: 'boolean' },
  fast: { type: 'boolean' },
  port: { type: 'string', short: 'p' },
  help: { type: 'boolean', short: 'h' },
}

const ports = [0, 65_535]

// An empty variable is one that is not set: shells and containers have no other way to unset it.
function readNumber(text = '', name, [least, most]) {
  if (text === '') return undefined
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= least && number <= most) return number
  throw new Error(`${name} must be a number from ${least} to ${most}, got ${JSON.stringify(text)}.`)
}

async function findFolder(path, ownFolder, { INIT_CWD = process.cwd() }) {
  if (path === undefined) return ownFolder
  // npm runs scripts in the folder of package.json; INIT_CWD is where the user is.
  const folder = resolve(INIT_CWD, path)
  const stats = await stat(folder).catch(() => undefined)
  if (!stats) throw new Error(`There is no folder ${folder}.`)
  if (stats.isDirectory()) return folder
  throw new Error(
    `${folder} is a file. To serve its folder: npm start -- ${JSON.stringify(dirname(folder))}`,
  )
}

/** Why the server cannot listen, and what helps. */
export function explain({ code, message }, port, host) {
  if (code === 'EADDRINUSE') {
    const other = port < 65_535 ? port + 1 : 3000
    return `Port ${port} is taken. Try another: npm start -- --port ${other}, or PORT=${other} npm start`
  }
  if (code === 'EACCES') return `Port ${port} needs more rights than this process has: try 3000.`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return `HOST must be an address of this machine, such as 127.0.0.1; ${host} is not.`
  }
  return `Cannot listen on ${host}: ${message}.`
}
