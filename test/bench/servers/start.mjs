// Starts one server of one module, and reports its port to the parent: start.mjs <module> <server>
// <file>

import path from 'node:path'

const [module, name, file] = process.argv.slice(2)
const { servers } = await import(`./${module}.mjs`)
const served = { file, folder: path.dirname(file), url: `/${path.basename(file)}` }
const server = await servers[name](served)
if (server === undefined) {
  process.send({ absent: true })
  process.disconnect()
} else {
  process.on('disconnect', () => process.exit())
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
    process.send({ port: server.address().port })
  })
}
