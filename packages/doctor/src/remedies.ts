// How to mend what is wrong, by topic and platform.

import type { Remedies, TopicId } from './topic.ts'

const filter = {
  Express: "app.use(rangeServe()) of @range-serve/express, or rangeStatic('folder')",
  Koa: "app.use(rangeServe()) of @range-serve/koa, or rangeStatic('folder')",
}
const nginxPlain = 'serve files without proxying them, or cache them (proxy_cache with slice)'
const inBehaviour = 'right by itself; look at the functions and the origin behind it'

export const remedies: Readonly<Record<TopicId, Remedies>> = {
  ranges: {
    ...filter,
    nginx: 'proxy_force_ranges on, if the origin cannot; check max_ranges is not 0',
    'S3, CloudFront': 'right by itself, but not for objects compressed on the fly',
  },
  announcement: {
    ...filter,
    nginx: 'do not hide Accept-Ranges (proxy_hide_header); proxy_force_ranges on',
    'S3, CloudFront': 'do not remove Accept-Ranges in a response headers policy',
  },
  length: {
    Express: 'set Content-Length, or res.sendRange(path)',
    Koa: 'set ctx.length, or ctx.sendRange(path)',
    nginx: 'gzip off for media types; proxy_buffering on',
    'S3, CloudFront': 'compression off in the cache behaviour of media files',
  },
  head: {
    Express: 'let app.get respond to HEAD too; rangeServe() does the rest',
    Koa: 'route HEAD as GET; rangeServe() does the rest',
    nginx: 'proxy_cache_convert_head on; allow HEAD in limit_except',
    'S3, CloudFront': 'allow HEAD in the cache behaviour; sign URLs for HEAD too',
  },
  positions: {
    ...filter,
    nginx: nginxPlain,
    'S3, CloudFront': inBehaviour,
  },
  edges: {
    ...filter,
    nginx: nginxPlain,
    'S3, CloudFront': inBehaviour,
  },
  grammar: {
    ...filter,
    nginx: nginxPlain,
    'S3, CloudFront': inBehaviour,
  },
  unsatisfiable: {
    ...filter,
    nginx: 'do not replace 416 (error_page, proxy_intercept_errors)',
    'S3, CloudFront': 'no custom error response for 416',
  },
  several: {
    ...filter,
    nginx: 'raise max_ranges, or set it to 1 so that several are ignored',
    'S3, CloudFront': 'S3 sends one range only; a client must ask for each',
  },
  revalidation: {
    ...filter,
    nginx: 'etag on; pass If-None-Match on (proxy_set_header)',
    'S3, CloudFront': 'right by itself, unless a function sets ETag or Last-Modified',
  },
  resuming: {
    ...filter,
    nginx: 'etag on; gzip makes ETags weak, so gzip off for media',
    'S3, CloudFront': 'compression off for media: it makes ETags weak',
  },
  versions: {
    ...filter,
    nginx: 'pass If-Range and Range on together (proxy_set_header), or neither',
    'S3, CloudFront': 'forward If-Range to a custom origin with Range',
  },
  preconditions: {
    ...filter,
    nginx: 'pass If-Match on (proxy_set_header)',
    'S3, CloudFront': 'forward If-Match to a custom origin',
  },
  validators: {
    Express: 'app.use(rangeServe()): files get a strong ETag; or set one of your own',
    Koa: 'app.use(rangeServe()): files get a strong ETag; or set one of your own',
    nginx: 'etag on; gzip makes ETags weak, so gzip off for media',
    'S3, CloudFront': 'compression off for media: it makes ETags weak',
  },
  stability: {
    Express:
      'make the ETag of size and time, as rangeStatic does, not of the inode or the response',
    Koa: 'make the ETag of size and time, as rangeStatic does, not of the inode or the response',
    nginx: 'give all machines the same modification times (rsync -t)',
    'S3, CloudFront': 'upload an object once, in one way: multipart uploads have other ETags',
  },
  metadata: {
    ...filter,
    nginx: 'add_header … always: 206 is included, 416 only with always',
    'S3, CloudFront': 'store Content-Type and Cache-Control with the object',
  },
  encoding: {
    Express: 'put rangeServe() around compression(), in either order',
    Koa: 'put rangeServe() around koa-compress, in either order',
    nginx: 'gzip_vary on; no gzip for media types',
    'S3, CloudFront': 'compression off for media, or Accept-Encoding in the cache policy',
  },
  cors: {
    Express: "cors({ exposedHeaders: ['Content-Range', 'Accept-Ranges', 'ETag'] })",
    Koa: "@koa/cors: exposeHeaders: ['Content-Range', 'Accept-Ranges', 'ETag']",
    nginx: "add_header Access-Control-Expose-Headers 'Content-Range, Accept-Ranges, ETag' always",
    'S3, CloudFront': 'ExposeHeaders of the bucket, or a response headers policy',
  },
  http2: {
    Express: 'take the connection-specific fields (Connection, Keep-Alive) out',
    Koa: 'take the connection-specific fields (Connection, Keep-Alive) out',
    nginx: 'compare the server blocks of both protocols',
    'S3, CloudFront': 'compare the behaviours; invalidate what is cached',
  },
  certificate: {
    nginx: 'ssl_certificate is to hold the full chain, and to be renewed in time',
    'S3, CloudFront': 'a certificate of ACM for this very name',
  },
}
