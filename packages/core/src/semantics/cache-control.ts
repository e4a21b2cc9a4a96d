// Cache-Control, RFC 9111 §5.2: https://www.rfc-editor.org/rfc/rfc9111#section-5.2

/**
 * Adds `no-transform` to a Cache-Control value, so that no intermediary re-encodes a slice (§5.2.2.6).
 * `compression` and `koa-compress` honour it too.
 */
export function addNoTransform(cacheControl: string | undefined): string {
  if (cacheControl === undefined || cacheControl.trim() === '') return 'no-transform'
  if (/(?:^|,)\s*no-transform\s*(?:,|$)/i.test(cacheControl)) return cacheControl
  return `${cacheControl}, no-transform`
}
