// The older majors, under names of their own; their types are the newer ones' near enough.
declare module 'express4' {
  export { default } from 'express'
}
declare module 'koa2' {
  export { default } from 'koa'
}
// The demo is plain JavaScript.
declare module '*/media-server/line.mjs' {
  export class Line {
    constructor(server: import('node:events').EventEmitter)
    set(slow: boolean): { slow: boolean }
  }
}
