// The route handler of examples/next in Next.js itself, built and served as in production.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { fromFile } from '@range-serve/core'
import { requirementsFor } from '@range-serve/doctor'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { check } from '../../conformance/check.ts'
import { bytes } from '../../conformance/sources.ts'
import { describeWith } from '../../support/available.ts'
import { type Example, examples, startExample } from '../../support/example.ts'
import { writeOldFile } from '../../support/fixture.ts'
import { holdHost, hostFolder } from '../../support/hosts.ts'
import { ask, field } from '../../support/raw.ts'

const project = `${examples}next`
const { dependencies } = JSON.parse(readFileSync(`${project}/package.json`, 'utf8')) as {
  dependencies: Record<string, string>
}
const name = `Next.js ${dependencies['next']}`

const folder = hostFolder()
const lastModified = new Date('2025-01-01T10:00:00Z')
writeOldFile(`${folder}/table.bin`, bytes, lastModified)
const { etag } = await fromFile(`${folder}/table.bin`)
const requirements = requirementsFor({ length: bytes.length, etag, lastModified })

/** The requirements that Next.js itself does not let a handler meet. */
const otherwise: Readonly<Record<string, string>> = {
  head: `${name} omits the Content-Length of every response`,
  'range-head': `${name} omits the Content-Length of every response`,
  'range-two-lines-joining': 'The Headers of a web Request join the field lines of one name',
}

describeWith('next', name, (program) => {
  let next: Example
  beforeAll(async () => {
    const env = { MEDIA: folder, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' }
    const options = { env: { ...process.env, ...env } }
    await promisify(execFile)(process.execPath, [program, 'build', project], options)
    const args = ['--hostname', 'localhost', '--port', '0']
    next = await startExample('start', [process.execPath, program], env, [project, ...args])
  })
  afterAll(() => next?.stop())

  holdHost(folder, () => next, { omitsEveryLength: true })

  for (const { id, says, request, expect: expected } of requirements) {
    const reason = otherwise[id]
    it.skipIf(reason !== undefined)(`${id}: ${says}${reason ? ` [${reason}]` : ''}`, async () => {
      const response = await ask(next.port, { path: '/media/table.bin', ...request })
      const { 'Content-Length': _omitted, ...fields } = expected.fields ?? {}
      check(response, { ...expected, fields }, { ascending: false })
    })
  }

  it('compresses the full response, but not a range', async () => {
    const path = '/media/page.html'
    const accept = ['Accept-Encoding', 'gzip'] as const
    const full = await ask(next.port, { path, headers: [accept] })
    expect(field(full, 'Content-Encoding')).toBe('gzip')
    const range = await ask(next.port, { path, headers: [accept, ['Range', 'bytes=1-1']] })
    expect(field(range, 'Content-Encoding')).toBeUndefined()
    expect(String(range.content)).toBe('p')
  })

  it('responds to OPTIONS with the methods of the handler', async () => {
    const response = await ask(next.port, { path: '/media/page.html', method: 'OPTIONS' })
    expect(field(response, 'Allow')).toBe('GET, HEAD, OPTIONS')
  })
})

it('is the Next.js that the README names', () => {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
  const section = /## In a fetch handler\n[\s\S]*?\n## /.exec(readme)![0]
  const met = requirements.length - Object.keys(otherwise).length
  expect(section).toContain(name)
  expect(section).toContain(`meets ${met} of ${requirements.length} requirements`)
})
