// The older majors, under separate names; the types of the newer ones are close enough.
declare module 'express4' {
  export { default } from 'express'
}
declare module 'koa2' {
  export { default } from 'koa'
}
// The demo is plain JavaScript.
declare module '*/media-server/arguments.mjs' {
  export function readArguments(
    args: readonly string[],
    env: Record<string, string | undefined>,
    ownFolder: string,
  ): Promise<object>
  export function explain(error: Error, port: number, host: string): string
}
declare module '*/media-server/document.mjs' {
  export function makeDocument(): Buffer
}
declare module '*/media-server/library.mjs' {
  export function listMedia(
    folder: string,
    prefix: string,
  ): Promise<{ files: readonly object[]; total: number; deeper: number }>
}
declare module '*/media-server/public/servers.js' {
  export const servers: Readonly<Record<string, string>>
}
// Streams of other libraries.
declare module 'rs2' {
  export { PassThrough, Readable } from 'node:stream'
}
declare module 'rs3' {
  export { PassThrough, Readable } from 'node:stream'
}
declare module 'rs4' {
  export { PassThrough, Readable } from 'node:stream'
}
declare module 'streamx' {
  export { Readable } from 'node:stream'
}
declare module 'through2' {
  export default function through2(): import('node:stream').Transform
}
declare module 'duplexify' {
  export default function duplexify(
    writable: import('node:stream').Writable,
    readable: import('node:stream').Readable,
  ): import('node:stream').Duplex
}
// What the doctor is tested with.
declare module 'koa-range' {
  export default function koaRange(
    context: import('koa').Context,
    next: import('koa').Next,
  ): unknown
}
declare module 'koa-send' {
  export default function send(
    context: import('koa').Context,
    path: string,
    options: { root: string },
  ): Promise<string>
}
declare module '*/bench/servers/native.mjs' {
  export const servers: Readonly<
    Record<
      'nginx' | 'apache',
      (options: { folder: string; port: number; state: string }) => string[] | undefined
    >
  >
}
declare module '*/bench/comparison.mjs' {
  export function formatComparison(comparison: unknown): string
}
