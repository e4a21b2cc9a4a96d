// The older majors, under names of their own; their types are the newer ones' near enough.
declare module 'express4' {
  export { default } from 'express'
}
declare module 'koa2' {
  export { default } from 'koa'
}
