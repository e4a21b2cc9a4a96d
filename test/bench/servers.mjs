// The servers: name → the module that makes one, and its particulars.

export const servers = {
  ram: { module: 'node', about: 'bytes in memory through node:http' },
  naive: { module: 'node', about: 'createReadStream({ start, end }).pipe(response)' },
  core: { module: 'node', ours: true, about: 'serve(request, response, path)' },
  'core-async': { module: 'node', ours: true, about: "serve with reads: 'async'" },

  'express-ceiling': { module: 'express', about: 'an Express handler that ends bytes in memory' },
  'express-sendRange': { module: 'express', ours: true, about: 'res.sendRange(path)' },
  'express-stream-filter': {
    module: 'express',
    ours: true,
    about: 'createReadStream(path).pipe(res) behind rangeServe()',
  },
  'express-rangeStatic': { module: 'express', ours: true, about: 'rangeStatic(folder)' },
  'express.static': { module: 'express', about: 'express.static(folder)' },
  'res.sendFile': { module: 'express', about: 'res.sendFile(path)' },
  'express-createServer-ceiling': {
    module: 'express',
    about: 'the Express ceiling on createServer(app)',
  },
  'express-createServer-sendRange': {
    module: 'express',
    ours: true,
    about: 'res.sendRange(path) on createServer(app)',
  },
  'express-createServer-rangeStatic': {
    module: 'express',
    ours: true,
    about: 'rangeStatic(folder) on createServer(app)',
  },
  'express-buffer-filter': {
    module: 'express',
    ours: true,
    about: 'res.send(buffer) behind rangeServe(); Express hashes all of it for an ETag',
  },
  'express-buffer-filter-etag': {
    module: 'express',
    ours: true,
    about: 'the same, with an ETag of its own',
  },
  'express-buffer-by-hand': {
    module: 'express',
    about: 'res.status(206).send(slice); Express hashes the slice',
  },
  'express-buffer-by-hand-etag': { module: 'express', about: 'the same, with an ETag of its own' },
  'express-empty': { module: 'express', about: 'res.end()' },
  'express-empty-field': { module: 'express', about: 'res.end() behind one setHeader' },
  'express-empty-filter': { module: 'express', ours: true, about: 'res.end() behind rangeServe()' },
  'express-json': { module: 'express', about: 'res.json of 1 KiB' },
  'express-json-field': { module: 'express', about: 'res.json behind one setHeader' },
  'express-json-filter': { module: 'express', ours: true, about: 'res.json behind rangeServe()' },

  'koa-ceiling': { module: 'koa', about: 'a Koa handler whose body is bytes in memory' },
  'koa-sendRange': { module: 'koa', ours: true, about: 'ctx.sendRange(path)' },
  'koa-rangeStatic': { module: 'koa', ours: true, about: 'rangeStatic(folder)' },
  // koa-range reads a stream from its first byte to the range.
  'koa-send+koa-range': { module: 'koa', slow: true, about: 'koa-send behind koa-range' },
  'koa-static+koa-range': { module: 'koa', slow: true, about: 'koa-static behind koa-range' },
  'koa-buffer-filter': {
    module: 'koa',
    ours: true,
    about: 'ctx.body = buffer behind rangeServe()',
  },
  'koa-buffer+koa-range': { module: 'koa', about: 'ctx.body = buffer behind koa-range' },
  'koa-stream-filter': {
    module: 'koa',
    ours: true,
    about: 'ctx.body = createReadStream(path) behind rangeServe()',
  },
  'koa-stream+koa-range': {
    module: 'koa',
    slow: true,
    about: 'ctx.body = createReadStream(path) behind koa-range',
  },
  'koa-empty': { module: 'koa', about: "ctx.body = ''" },
  'koa-empty-field': { module: 'koa', about: "ctx.body = '' behind one setHeader" },
  'koa-empty-filter': { module: 'koa', ours: true, about: "ctx.body = '' behind rangeServe()" },
  'koa-json': { module: 'koa', about: 'ctx.body = an object of 1 KiB as JSON' },
  'koa-json-field': { module: 'koa', about: 'the same behind one setHeader' },
  'koa-json-filter': { module: 'koa', ours: true, about: 'the same behind rangeServe()' },

  sirv: { module: 'others', about: 'sirv(folder)' },
  '@fastify/static': { module: 'others', about: '@fastify/static' },
  '@hono/node-server': { module: 'others', about: 'serveStatic of @hono/node-server' },
  srvx: { module: 'others', about: 'staticMiddleware of srvx' },
  nginx: { module: 'native', about: 'one process, sendfile' },
  apache: { module: 'native', about: 'one process of mpm_event, sendfile' },
}
