// Misused middleware: an error at the first request rather than a hang.

import { invalidArgument } from './errors.ts'

/**
 * Throws if a function that makes middleware was itself given to the framework.
 *
 * @param name of the function
 * @param argument its first argument: a request or a context, if it is called as middleware
 * @throws TypeError `ERR_NOT_CALLED`
 */
export function expectCall(name: string, argument: unknown): void {
  if (typeof argument !== 'object' || argument === null) return
  if (!('headers' in argument && 'method' in argument)) return
  throw invalidArgument(
    'ERR_NOT_CALLED',
    `${name} makes middleware and is not middleware itself: write app.use(${name}(${name === 'rangeStatic' ? "'folder'" : ''}))`,
  )
}

/**
 * Throws if middleware was called in the way of another framework.
 *
 * @param next what the framework passes as the next middleware
 * @throws TypeError `ERR_WRONG_FRAMEWORK`
 */
export function expectFramework(
  next: unknown,
  name: string,
  used: 'express' | 'koa',
  other: 'express' | 'koa',
): void {
  if (typeof next === 'function') return
  throw invalidArgument(
    'ERR_WRONG_FRAMEWORK',
    `${name} of @range-serve/${used} was called as other middleware is: import it from @range-serve/${other}`,
  )
}
