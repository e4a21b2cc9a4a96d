// A folder with precompressed files, behind rangeStatic of every adapter.

import { execFileSync } from 'node:child_process'
import http from 'node:http'
import path from 'node:path'
import * as forNode from '@range-serve/core'
import { adapters, rangeServe, rangeStatic } from './adapters.ts'
import type { App } from './apps.ts'
import { pattern, temporaryFolder, writeOldFile } from './fixture.ts'
import { listen } from './listen.ts'

type Options = Omit<Parameters<typeof rangeStatic>[1] & {}, 'at'>
type Find = (path: string, request: any) => any
/** @param vary a value of Vary that is already set */
type Start = (root: string | URL | Find, options?: Options, vary?: string) => Promise<App>

const startNode: Start = async (root, options, vary) => {
  const errors: unknown[] = []
  const handler = forNode.rangeStatic(root as string, options)
  const server = http.createServer((request, response) => {
    if (vary !== undefined) response.setHeader('Vary', vary)
    void handler(request, response, (error) => {
      if (error !== undefined) errors.push(error)
      response.statusCode = error === undefined ? 299 : ((error as any).status ?? 500)
      response.end(error === undefined ? 'next' : undefined)
    })
  })
  return { errors, ...(await listen(server)) }
}

export const apps = [
  ['node:http', startNode] as const,
  ...adapters.map(([name, startApp]) => {
    const start: Start = (root, options, vary) =>
      startApp(
        ({ set, next }) => {
          if (vary !== undefined) set({ Vary: vary })
          return next()
        },
        rangeServe(),
        rangeStatic(root, options),
      )
    return [name, start] as const
  }),
]

export const folder = temporaryFolder()
export const modified = new Date('2020-01-01T00:00:00Z')
export const later = new Date('2020-01-02T00:00:00Z')
export const plain = pattern(5000)
export const encoded = pattern(3001).subarray(1)
writeOldFile(path.join(folder, 'app.js'), plain, modified)
writeOldFile(path.join(folder, 'app.js.br'), encoded, later)
writeOldFile(path.join(folder, 'single.js'), plain, modified)
writeOldFile(path.join(folder, 'page.html'), plain, modified)
export const real = pattern(100_000)
writeOldFile(path.join(folder, 'real.txt'), real, modified)
execFileSync('gzip', ['-k', path.join(folder, 'real.txt')])

export type Lines = [name: string, value: string][]
