// A local writer swaps a folder below a root for a link that leaves it, as fast as it can.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { serve, type SendOptions } from '@range-serve/core'
import { temporaryFolder } from '../support/fixture.ts'
import { folders } from '../support/frameworks.ts'
import { listen, type Running } from '../support/listen.ts'
import { ask as askRaw } from '../support/raw.ts'

const folder = temporaryFolder()
const requestCount = 4000
const inside = 'for all'
const secret = 'a secret'

const startAsync = (root: string): Promise<Running> => {
  const options: SendOptions = { root, reads: 'async' }
  return listen(
    http.createServer((request, response) => {
      serve(request, response, request.url!.slice(1), options).catch((error) => {
        response.statusCode = error.status ?? 500
        response.end()
      })
    }),
  )
}

describe.each([...folders, ['node:http, asynchronously', startAsync] as const])(
  '%s',
  (name, start) => {
    it('serves no file outside its root, whatever is swapped', { timeout: 60_000 }, async () => {
      const own = path.join(folder, name.replaceAll(/\W/g, '-'))
      const [root, outside] = [path.join(own, 'root'), path.join(own, 'outside')]
      for (const [where, text] of [
        [path.join(root, 'in'), inside],
        [outside, secret],
      ] as const) {
        fs.mkdirSync(where, { recursive: true })
        fs.writeFileSync(path.join(where, 'file'), text)
      }
      const running = await start(root)
      const swapper = fork(
        path.join(import.meta.dirname, '../support/swap-folder.mjs'),
        [root, outside],
        { execArgv: [] },
      )
      const swapperExit = once(swapper, 'exit')
      const contents = new Map<string, number>()
      try {
        await once(swapper, 'message')
        const agent = new http.Agent({ keepAlive: true })
        let left = requestCount
        const ask = async () => {
          while (left-- > 0) {
            const [response] = (await once(
              http.get({ host: '127.0.0.1', port: running.port, path: '/in/file', agent }),
              'response',
            )) as [http.IncomingMessage]
            let text = ''
            for await (const chunk of response) text += chunk
            const seen = response.statusCode === 200 ? text : String(response.statusCode)
            contents.set(seen, (contents.get(seen) ?? 0) + 1)
          }
        }
        await Promise.all(Array.from({ length: 8 }, ask))
        agent.destroy()
        swapper.kill()
        await swapperExit
        // Once everything is as before, the file is found again.
        const aside = path.join(own, 'aside')
        if (fs.existsSync(aside)) {
          fs.rmSync(path.join(root, 'in'), { force: true })
          fs.renameSync(aside, path.join(root, 'in'))
        }
        const { content } = await askRaw(running.port, { path: '/in/file' })
        expect(content.toString()).toBe(inside)
      } finally {
        swapper.kill()
        await Promise.all([running.close(), swapperExit])
      }
      expect([...contents.keys()].filter((seen) => seen !== inside && seen !== '404')).toEqual([])
    })
  },
)
