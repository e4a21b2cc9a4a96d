// The demo's PDF: linearised, with each page at the position that it states.

import { expect, it } from 'vitest'
import { makeDocument } from '../../examples/media-server/document.mjs'

const document = makeDocument()
const text = document.toString('latin1')

it('is the same each time it is made', () => {
  expect(makeDocument().equals(document)).toBe(true)
})

it('has a dictionary of linearisation that fits it', () => {
  const [, dictionary = ''] = /<< (\/Linearized 1 .*?) >>/.exec(text) ?? []
  const [, length, hints, hintLength, first, end, count, table] = (
    /\/L +(\d+) \/H \[ *(\d+) +(\d+)\] \/O (\d+) \/E +(\d+) \/N (\d+) \/T +(\d+)/.exec(
      dictionary,
    ) ?? []
  ).map(Number)
  expect(length).toBe(document.length)
  expect(count).toBe(40)
  expect(text.slice(hints!, hints! + hintLength!)).toMatch(/^\d+ 0 obj\n<< \/S \d+ [^]*endobj\n$/)
  expect(text.slice(0, end)).toContain(`\n${first} 0 obj\n<< /Type /Page `)
  expect(text.slice(0, end).endsWith('endobj\n')).toBe(true)
  expect(text.slice(table, table! + 20)).toBe('\n0000000000 65535 f ')
})

it('has tables whose every entry is the position of an object', () => {
  const tables = [...text.matchAll(/xref\n(\d+) (\d+)\n((?:\d{10} \d{5} [nf] \n)+)/g)]
  expect(tables).toHaveLength(2)
  const found = tables.flatMap(([, start, , entries]) =>
    entries!
      .split('\n')
      .slice(0, -1)
      .map((entry, i): [number: number, offset: number] => [
        Number(start) + i,
        Number(entry.slice(0, 10)),
      ]),
  )
  expect(found.length).toBeGreaterThan(160)
  for (const [number, offset] of found) {
    if (number > 0)
      expect(text.slice(offset, offset + 20)).toMatch(new RegExp(`^${number} 0 obj\n`))
  }
})

it('states on each page the range of bytes of that page', () => {
  const pages = [...text.matchAll(/This page is bytes ([ \d,]+) to ([ \d,]+) of the file/g)]
  expect(pages).toHaveLength(40)
  for (const { 1: first, 2: last, index } of pages) {
    const [firstPos, lastPos] = [first!, last!].map((digits) =>
      Number(digits.replaceAll(/[ ,]/g, '')),
    )
    expect(firstPos).toBeLessThan(index)
    const page = text.slice(firstPos, lastPos! + 1)
    expect(page).toMatch(/^\d+ 0 obj\n<< \/Type \/Page /)
    expect(page.endsWith('endstream\nendobj\n')).toBe(true)
  }
})
