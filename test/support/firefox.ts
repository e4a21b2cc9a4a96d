// Firefox by its own remote protocol, Marionette: packets of JSON over TCP, each behind its length.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { until } from './fixture.ts'

/** Disables the browser's own requests; the proxy is a closed port, so that no other leaves the machine. */
const preferences = {
  'app.update.enabled': false,
  'app.update.disabledForTesting': true,
  'app.normandy.enabled': false,
  'browser.safebrowsing.downloads.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.healthreport.uploadEnabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.update.enabled': false,
  'marionette.port': 0,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'network.dns.disablePrefetch': true,
  'network.proxy.type': 1,
  'network.proxy.http': '127.0.0.1',
  'network.proxy.http_port': 9,
  'network.proxy.ssl': '127.0.0.1',
  'network.proxy.ssl_port': 9,
  'remote.prefs.recommended': true,
  'toolkit.telemetry.enabled': false,
  'toolkit.telemetry.unified': false,
}

export interface Firefox {
  /** Runs the body of an async function with the privileges of the browser itself. */
  run(body: string, ...args: readonly unknown[]): Promise<unknown>
  close(): Promise<void>
}

/** Starts Firefox without a screen; its profile and its home are in the folder. */
export async function launchFirefox(executablePath: string, folder: string): Promise<Firefox> {
  fs.mkdirSync(folder, { recursive: true })
  const lines = Object.entries(preferences).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
  )
  fs.writeFileSync(path.join(folder, 'user.js'), lines.join(''))
  const args = ['--headless', '--no-remote', '--marionette', '--remote-allow-system-access']
  const browser = spawn(executablePath, [...args, '--profile', folder, 'about:blank'], {
    env: { ...process.env, HOME: folder, TMPDIR: folder, MOZ_CRASHREPORTER_DISABLE: '1' },
    stdio: 'ignore',
  })
  const exited = once(browser, 'exit')
  exited.catch(() => {})
  try {
    const portFile = path.join(folder, 'MarionetteActivePort')
    await until('Firefox listens', () => fs.existsSync(portFile) && readPort(portFile) > 0, 30_000)
    const marionette = await Marionette.connect(readPort(portFile))
    await marionette.send('WebDriver:NewSession', { capabilities: {} })
    await marionette.send('WebDriver:SetTimeouts', { script: 30_000 })
    await marionette.send('Marionette:SetContext', { value: 'chrome' })
    return {
      run: (body, ...values) => marionette.run(body, values),
      close: async () => {
        await marionette.send('Marionette:Quit', { flags: ['eForceQuit'] }).catch(() => {})
        marionette.close()
        await end(browser, exited)
      },
    }
  } catch (error) {
    await end(browser, exited, 0)
    throw error
  }
}

function readPort(portFile: string): number {
  return Number(fs.readFileSync(portFile, 'utf8'))
}

/** Waits for the exit of a process, and kills it if that takes too long. */
async function end(browser: ChildProcess, exited: Promise<unknown>, ms = 10_000): Promise<void> {
  const timer = setTimeout(() => browser.kill('SIGKILL'), ms)
  await exited.catch(() => {})
  clearTimeout(timer)
}

type Reply = [type: 1, id: number, error: { error: string; message: string } | null, value: unknown]

class Marionette {
  readonly #socket: net.Socket
  readonly #pending = new Map<number, PromiseWithResolvers>()
  #received = Buffer.alloc(0)
  #lastId = 0

  static async connect(port: number): Promise<Marionette> {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new Marionette(socket)
  }

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      for (const { reject } of this.#pending.values()) reject(new Error('Firefox has gone'))
      this.#pending.clear()
    })
  }

  send(command: string, parameters: object): Promise<unknown> {
    const id = ++this.#lastId
    const packet = Buffer.from(JSON.stringify([0, id, command, parameters]))
    this.#socket.write(Buffer.concat([Buffer.from(`${packet.length}:`), packet]))
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }))
  }

  async run(body: string, args: readonly unknown[]): Promise<unknown> {
    const script = `const done = arguments[arguments.length - 1]
      const run = async (...args) => { ${body} }
      run(...Array.from(arguments).slice(0, -1)).then(
        (value) => done({ value }),
        (error) => done({ error: String(error) }),
      )`
    const reply = await this.send('WebDriver:ExecuteAsyncScript', {
      script,
      args,
      newSandbox: true,
    })
    const { value, error } = (reply as { value: { value?: unknown; error?: string } }).value
    if (error !== undefined) throw new Error(error)
    return value
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    for (;;) {
      const colon = this.#received.indexOf(':')
      const end = colon + 1 + Number(this.#received.toString('latin1', 0, Math.max(colon, 0)))
      if (colon < 0 || this.#received.length < end) return
      const message: unknown = JSON.parse(this.#received.toString('utf8', colon + 1, end))
      this.#received = this.#received.subarray(end)
      // The first message is a greeting.
      if (Array.isArray(message)) this.#settle(message as Reply)
    }
  }

  #settle([, id, error, value]: Reply): void {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    if (error) pending?.reject(new Error(`${error.error}: ${error.message}`))
    else pending?.resolve(value)
  }
}

interface PromiseWithResolvers {
  resolve(value: unknown): void
  reject(error: Error): void
}
