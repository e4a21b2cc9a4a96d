// Misused middleware: an error at the call, or at the first request, rather than a hang.

import { invalidArgument } from './errors.ts'
import {
  mergeOptions,
  type RangeServeOptions,
  type SendOptions,
  validateOptions,
} from './options.ts'

/**
 * Throws unless an adapter's `rangeServe` was called with options that can work.
 *
 * @throws TypeError or RangeError with a `code`: `ERR_NOT_CALLED` if it was used as middleware itself
 */
export function validateServeOptions(options: RangeServeOptions): void {
  expectCall('rangeServe', options)
  validateOptions(options, 'rangeServe')
}

/**
 * Throws if a function that makes middleware was itself given to the framework.
 *
 * @param name of the function
 * @param argument its first argument: a request or a context, if it is called as middleware
 * @throws TypeError `ERR_NOT_CALLED`
 */
export function expectCall(name: 'rangeServe' | 'rangeStatic', argument: unknown): void {
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
 * @param name of the function that made the middleware
 * @param framework what it was made for
 * @throws TypeError `ERR_WRONG_FRAMEWORK`
 */
export function expectFramework(
  next: unknown,
  name: 'rangeServe' | 'rangeStatic',
  framework: 'express' | 'koa',
): void {
  if (typeof next === 'function') return
  const other = framework === 'express' ? 'koa' : 'express'
  throw invalidArgument(
    'ERR_WRONG_FRAMEWORK',
    `${name} of @range-serve/${framework} was called as other middleware is: import it from @range-serve/${other}`,
  )
}

/**
 * The options of a call of `sendRange`: its own over those of `rangeServe`.
 *
 * @param defaults those of the last `rangeServe` on the way of the request; `undefined` if there was none,
 *   and the response only shares its prototype with others that had one
 * @throws TypeError `ERR_NOT_MOUNTED`
 * @throws TypeError `ERR_INVALID_ARGUMENT`, if the options of the call are not an object
 */
export function sendRangeOptions(
  defaults: RangeServeOptions | undefined,
  own: SendOptions | undefined,
): RangeServeOptions & SendOptions {
  if (defaults) return mergeOptions(defaults, own)
  throw invalidArgument(
    'ERR_NOT_MOUNTED',
    'sendRange was called where rangeServe is not mounted: write app.use(rangeServe()) before this handler',
  )
}
