// The programs of a measurement: servers on one core, the load generator on the other.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { servers } from './servers.mjs'
import { find, servers as nativeServers } from './servers/native.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))
const taskset = find(['taskset'])
const [serverCore, loadCore] = ['0', '1']
const running = new Set()

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Keeps this process off the servers' core too. Returns whether that is possible. */
export function pinToLoadCore() {
  return taskset !== undefined && spawnSync(taskset, ['-cp', loadCore, process.pid]).status === 0
}

const pinned = (core, command) => (taskset ? [taskset, '-c', core, ...command] : command)

/**
 * Starts a server of the table for one file.
 *
 * @returns its port and processes; `undefined` if it does not exist (yet)
 */
export async function startServer(name, file, state, { quiet = false } = {}) {
  const { module } = servers[name]
  const started =
    module === 'native' ? startNative(name, file, state) : startNode(name, file, module, quiet)
  const server = await started
  if (!server) return
  const { child, port } = server
  return {
    port,
    pids: () => [child.pid, ...childrenOf(child.pid)],
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await Promise.race([gone, delay(2000, undefined, { ref: false })])
      child.kill('SIGKILL')
    },
  }
}

async function startNode(name, file, module, quiet) {
  const start = path.join(here, 'servers/start.mjs')
  const flags = ['--max-http-header-size=262144', '--no-deprecation']
  const child = run(
    [process.execPath, ...flags, start, module, name, file],
    [quiet ? 'ignore' : 'inherit', 'ipc'],
  )
  const told = await Promise.race([
    new Promise((resolve) => child.once('message', resolve)),
    new Promise((resolve) => child.once('exit', () => resolve({}))),
    delay(20_000, {}, { ref: false }),
  ])
  if (told.port === undefined) child.kill('SIGKILL')
  if (told.absent) return
  if (told.port === undefined) throw new Error(`${name} did not start`)
  return { child, port: told.port }
}

async function startNative(name, file, state) {
  const port = await freePort()
  const command = nativeServers[name]({ folder: path.dirname(file), port, state })
  if (!command) return
  const child = run(command, ['ignore', 'ignore'])
  for (let tries = 0; tries < 100; tries++) {
    if (await accepts(port)) return { child, port }
    await delay(50)
  }
  child.kill('SIGKILL')
  throw new Error(`${name} did not start`)
}

function run(command, [errors, ipc]) {
  const [program, ...args] = pinned(serverCore, command)
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', errors, ipc],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

function childrenOf(pid) {
  const text = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** Compiles the load generator. */
export function compileLoad(state) {
  const program = path.join(state, 'load')
  const compiler = find(['cc', 'gcc', 'clang'])
  if (!compiler) throw new Error('The load generator needs a C compiler: cc, gcc or clang')
  execFileSync(compiler, ['-O2', '-o', program, path.join(here, 'load.c')], { stdio: 'inherit' })
  return program
}

/** Loads a server, and returns the measurements of the window after the warm-up. */
export async function load(program, wanted) {
  const { server, connections, seconds, least, warmUp, requestsFile } = wanted
  const { most = 12, mostWarmUp = most } = wanted
  const args = [server.port, connections, seconds, least, most, warmUp, mostWarmUp, requestsFile]
  const [command, ...words] = pinned(loadCore, [
    program,
    ...args.map(String),
    ...server.pids().map(String),
  ])
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const timer = setTimeout(() => child.kill('SIGKILL'), 1000 * (2 * most + 5))
  let output = ''
  let errors = ''
  child.stdout.on('data', (text) => (output += text))
  child.stderr.on('data', (text) => (errors += text))
  const code = await new Promise((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  running.delete(child)
  if (code !== 0) throw new Error(errors.trim() || 'load: took too long')
  return JSON.parse(output)
}
