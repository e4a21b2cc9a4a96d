import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { formatComparison } from '../bench/comparison.mjs'

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')

it('COMPARISON.md matches the measurements; npm run compare writes both', () => {
  const comparison: unknown = JSON.parse(read('test/bench/comparison.json'))
  const generated = /<!-- comparison -->\n([\s\S]*)<!-- \/comparison -->/
  expect(generated.exec(read('COMPARISON.md'))?.[1]).toBe(formatComparison(comparison))
})
