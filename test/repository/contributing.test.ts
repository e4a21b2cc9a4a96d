// CONTRIBUTING.md shows an adapter, which is the one that runs the conformance table.

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')

it('CONTRIBUTING.md shows test/conformance/small-adapter.ts unchanged', () => {
  const [, shown] = /```ts\n([\s\S]*?)```/.exec(read('CONTRIBUTING.md')) ?? []
  expect(shown).toBe(read('test/conformance/small-adapter.ts'))
})
