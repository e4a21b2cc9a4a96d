// One server as several processes that share its port.

import cluster from 'node:cluster'

/**
 * Runs the script in `count` processes, and replaces one that dies. What a process sends with
 * `process.send` goes to all others. Resolves with the port once the first of them listens; rejects
 * if one ends before it has listened.
 */
export function startWorkers(count) {
  return new Promise((resolve, reject) => {
    cluster.on('listening', (worker, { port }) => {
      worker.listened = true
      resolve(port)
    })
    cluster.on('exit', (worker, code) => {
      if (isStopping) return
      if (worker.listened) cluster.fork()
      else reject(new Error(`A worker ended with ${code} before it listened`))
    })
    cluster.on('message', (sender, message) => {
      for (const worker of Object.values(cluster.workers)) {
        if (worker !== sender && worker.isConnected()) worker.send(message)
      }
    })
    for (let i = 0; i < count; i++) cluster.fork()
  })
}

let isStopping = false

/** Ends all processes, and replaces none. */
export function stopWorkers() {
  isStopping = true
  for (const worker of Object.values(cluster.workers)) worker.process.kill()
}
