// Cache-Control, RFC 9111 §5.2: https://www.rfc-editor.org/rfc/rfc9111#section-5.2

/**
 * Cache-Control with `no-transform`, so that nobody on the way re-encodes a slice (RFC 9111
 * §5.2.2.6): `compression` and `koa-compress` honour it too.
 */
export function addNoTransform(cacheControl: string | undefined): string {
  if (cacheControl === undefined || cacheControl.trim() === '') return 'no-transform'
  if (/(?:^|,)\s*no-transform\s*(?:,|$)/i.test(cacheControl)) return cacheControl
  return `${cacheControl}, no-transform`
}
