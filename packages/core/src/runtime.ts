// What the runtime has besides the standard library: nothing of it is imported, so that modules
// that use it also load in a browser, a service worker or an edge runtime.

interface Builtins {
  readonly 'node:async_hooks': typeof import('node:async_hooks')
  readonly 'node:crypto': typeof import('node:crypto')
  readonly 'node:diagnostics_channel': typeof import('node:diagnostics_channel')
  readonly 'node:events': typeof import('node:events')
  readonly 'node:stream': typeof import('node:stream')
}

interface Host {
  getBuiltinModule?<N extends keyof Builtins>(name: N): Builtins[N] | undefined
}

/** A built-in module of Node, Deno or Bun; `undefined` on a runtime without it. */
export function builtin<N extends keyof Builtins>(name: N): Builtins[N] | undefined {
  const { process: host }: { readonly process?: Host } = globalThis
  return host?.getBuiltinModule?.(name)
}

/** The symbol of this description under which an object has what no name leads to. */
export function ownSymbol(object: object, name: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find(({ description }) => description === name)
}
