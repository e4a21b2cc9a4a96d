// The handlers on the server of the runtime that this is run by: one port each, printed as JSON.

import { faulty, type FetchHandler, handlers } from './fetch-handlers.ts'

interface Runtimes {
  readonly Bun?: { serve(options: object): { readonly port: number } }
  readonly Deno?: {
    readonly args: readonly string[]
    serve(options: object, handler: FetchHandler): { readonly addr: { readonly port: number } }
  }
}
const { Bun, Deno } = globalThis as Runtimes

const local = { hostname: '127.0.0.1', port: 0 }
function listen(fetch: FetchHandler): number {
  if (Deno) return Deno.serve({ ...local, onListen() {} }, fetch).addr.port
  if (Bun) return Bun.serve({ ...local, fetch }).port
  throw new Error('Neither Bun nor Deno')
}

const [file = ''] = Deno?.args ?? process.argv.slice(2)
const ports = Object.entries({ ...handlers(file), ...faulty }).map(([name, fetch]) => [
  name,
  listen(fetch),
])
console.log(JSON.stringify(Object.fromEntries(ports)))
