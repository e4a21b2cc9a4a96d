// One server as several processes that share its port.

import cluster from 'node:cluster'

let isStopping = false

/**
 * Runs the script in `count` processes, and replaces one that dies. What one of them sends with
 * `process.send` goes to the others; `{ died: pid }` tells them that one has died. Resolves with the
 * port once the first listens, and rejects if it ends instead.
 */
export async function startWorkers(count) {
  cluster.on('message', (sender, message) => tell(message, sender))
  cluster.on('listening', (worker) => (worker.hasListened = true))
  cluster.on('exit', (worker, code) => {
    // 0: it was told to end. One that never listened would not listen the next time, either.
    if (isStopping || code === 0 || !worker.hasListened) return
    tell({ died: worker.process.pid })
    cluster.fork()
  })
  const port = await firstPort()
  for (let i = 1; i < count; i++) cluster.fork()
  return port
}

/** Ends all of them. */
export function stopWorkers() {
  isStopping = true
  for (const worker of Object.values(cluster.workers)) worker.process.kill()
}

function firstPort() {
  return new Promise((resolve, reject) => {
    const first = cluster.fork()
    first.once('listening', ({ port }) => resolve(port))
    first.once('exit', (code) => reject(new Error(`The first worker ended with ${code}`)))
  })
}

function tell(message, sender) {
  for (const worker of Object.values(cluster.workers)) {
    if (worker !== sender && worker.isConnected()) worker.send(message)
  }
}
