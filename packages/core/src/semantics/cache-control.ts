// Cache-Control, RFC 9111 §5.2: https://www.rfc-editor.org/rfc/rfc9111#section-5.2

import { outOfRange } from '../errors.ts'

/**
 * Adds `no-transform` to a Cache-Control value, so that no intermediary re-encodes a slice (§5.2.2.6).
 * `compression` and `koa-compress` honour it too.
 */
export function addNoTransform(cacheControl: string | undefined): string {
  if (cacheControl === undefined || cacheControl.trim() === '') return 'no-transform'
  if (/(?:^|,)\s*no-transform\s*(?:,|$)/i.test(cacheControl)) return cacheControl
  return `${cacheControl}, no-transform`
}

/**
 * Formats the Cache-Control of a public representation.
 *
 * @param maxAge in milliseconds, or as text: `'1d'`
 */
export function formatCacheControl(maxAge: number | string, immutable: boolean): string {
  const seconds = Math.floor(parseMaxAge(maxAge) / 1000)
  return `public, max-age=${seconds}${immutable ? ', immutable' : ''}`
}

/** In the order of the groups below. */
const unitMs = [1, 1000, 60_000, 3_600_000, 86_400_000, 604_800_000, 31_557_600_000]
const duration =
  /^(\d+(?:\.\d+)?) ?(?:(ms|milliseconds?)|(s|secs?|seconds?)|(m|mins?|minutes?)|(h|hours?)|(d|days?)|(w|weeks?)|(y|years?))?$/i
/** A year is the most that is of use (RFC 9111 §5.2.2.1). */
const longestMs = 31_536_000_000

/**
 * Parses a `maxAge` option into milliseconds, at most a year.
 *
 * @throws RangeError `ERR_INVALID_ARGUMENT`
 */
export function parseMaxAge(maxAge: number | string): number {
  const [, count, ...units] = (typeof maxAge === 'string' && duration.exec(maxAge)) || []
  const unit = units.findIndex((name) => name !== undefined)
  const ms = count === undefined ? maxAge : Number(count) * (unitMs[unit] ?? 1)
  if (typeof ms !== 'number' || !(ms >= 0)) {
    throw outOfRange(
      'ERR_INVALID_ARGUMENT',
      `maxAge must be milliseconds or a duration such as '1d', got ${JSON.stringify(maxAge)}`,
    )
  }
  return Math.min(ms, longestMs)
}
