// Middleware that is used as it cannot work: an error at the first request, rather than a hang.

import { invalidArgument } from './errors.ts'

/**
 * Throws if a function that makes middleware was itself given to the framework.
 *
 * @param name of the function
 * @param argument its first: a request or a context, if it is called as middleware
 * @throws TypeError `ERR_NOT_CALLED`
 */
export function expectCall(name: string, argument: unknown): void {
  if (typeof argument !== 'object' || argument === null) return
  if (!('headers' in argument && 'method' in argument)) return
  throw invalidArgument(
    'ERR_NOT_CALLED',
    `${name} makes middleware and is none: write app.use(${name}(${name === 'rangeStatic' ? "'folder'" : ''}))`,
  )
}

/**
 * Throws if middleware was called as that of another framework is.
 *
 * @param next what this framework gives as the next middleware
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
