// Linearised PDF ("fast web view", ISO 32000-1 Annex F): what the first page needs comes first, and
// tables say where every other page is, so that a viewer can fetch one page by its range.

import { formatHints } from './hint-tables.mjs'

/**
 * Makes a linearised PDF of pages that share nothing.
 *
 * @param {number} count how many pages there are
 * @param {(index: number, firstPos: number, lastPos: number) => {
 *   resources: (image: string) => string,
 *   content: string,
 *   image: { dictionary: string, data: Uint8Array },
 * }} draw draws a page, which lies at these positions of the file; its size must not depend on them
 */
export function makeLinearised(count, draw) {
  // The objects of the first page and of the document have the numbers after those of other pages.
  const others = 3 * (count - 1)
  const [linear, catalog, tree] = [1, 2, 3].map((number) => others + number)
  const hints = tree + count + 1
  const first = hints + 1
  const size = first + 3
  const all = Array.from({ length: count }, (_, index) => index)
  const numberOf = (index) => (index === 0 ? first : 3 * (index - 1) + 1)
  // Each page has a node of its own in the tree, which says that it holds one page: a viewer that counts
  // its way to a page would otherwise read every page before it.
  const nodeOf = (index) => tree + 1 + index

  // Once for the sizes, and once with the positions that follow from them.
  const sketch = place(all.map((index) => formatPage(index, 0, 0)))
  return place(all.map((index) => formatPage(index, ...sketch.positions[index]))).bytes

  function formatPage(index, firstPos, lastPos) {
    const number = numberOf(index)
    const { resources, content, image } = draw(index, firstPos, lastPos)
    const page = [
      `/Type /Page /Parent ${nodeOf(index)} 0 R /MediaBox [0 0 420 595] /Contents ${number + 1} 0 R`,
      `/Resources << ${resources(`${number + 2} 0 R`)} >>`,
    ]
    return [
      object(number, `<< ${page.join(' ')} >>`),
      stream(number + 1, '', Buffer.from(content, 'latin1')),
      stream(number + 2, image.dictionary, image.data),
    ]
  }

  function place(pages) {
    const head = Buffer.from('%PDF-1.4\n%\xE2\xE3\xCF\xD3\n', 'latin1')
    const nodes = all.map((index) => `${nodeOf(index)} 0 R`)
    const documentObjects = [
      object(catalog, `<< /Type /Catalog /Pages ${tree} 0 R >>`),
      object(tree, `<< /Type /Pages /Count ${count} /Kids [${nodes.join(' ')}] >>`),
      ...all.map((index) => {
        const page = `/Count 1 /Kids [${numberOf(index)} 0 R]`
        return object(nodeOf(index), `<< /Type /Pages /Parent ${tree} 0 R ${page} >>`)
      }),
    ]
    const hintStream = (at) => {
      const { sharedAt, bytes } = formatHints(pages, at)
      return stream(hints, `/S ${sharedAt}`, bytes)
    }
    const dictionary = (fileLength, hintsAt, hintLength, firstEnd, table) => {
      const fields = [
        `/L ${pad(fileLength)} /H [${pad(hintsAt)} ${pad(hintLength)}] /O ${first}`,
        // The white space before the first entry of the table of the other pages.
        `/E ${pad(firstEnd)} /N ${count} /T ${pad(table + `xref\n0 ${linear}`.length)}`,
      ]
      return object(linear, `<< /Linearized 1 ${fields.join(' ')} >>`)
    }
    const firstTable = (offsets, table) => {
      const trailer = `<< /Size ${size} /Root ${catalog} 0 R /Prev ${pad(table)} >>`
      return formatTable(linear, offsets, trailer, 0)
    }

    const dictionaryLength = dictionary(0, 0, 0, 0, 0).length
    const firstTableLength = firstTable(Array.from({ length: size - linear }).fill(0), 0).length
    const hintLength = hintStream(0).length
    const firstTableAt = head.length + dictionaryLength
    const documentAt = firstTableAt + firstTableLength
    const hintsAt = documentAt + lengthOf(documentObjects)
    const pagesAt = hintsAt + hintLength
    const offsets = offsetsOf(pages.flat(), pagesAt)
    const table = pagesAt + lengthOf(pages.flat())
    const positions = pages.map((objects, index) => {
      const start = offsets[3 * index]
      return [start, start + lengthOf(objects) - 1]
    })
    const documentOffsets = [head.length, ...offsetsOf(documentObjects, documentAt), hintsAt]
    const lastTable = formatTable(0, offsets.slice(3), `<< /Size ${linear} >>`, firstTableAt)
    const bytes = Buffer.concat([
      head,
      dictionary(table + lastTable.length, hintsAt, hintLength, positions[0][1] + 1, table),
      firstTable([...documentOffsets, ...offsets.slice(0, 3)], table),
      ...documentObjects,
      hintStream(hintsAt),
      ...pages.flat(),
      lastTable,
    ])
    return { positions, bytes }
  }
}

const lengthOf = (objects) => objects.reduce((sum, { length }) => sum + length, 0)

function offsetsOf(objects, start) {
  let position = start
  return objects.map(({ length }) => {
    const offset = position
    position += length
    return offset
  })
}

/** A number that is always as wide. */
const pad = (number) => String(number).padStart(10)

/** A cross-reference table, from an object on; that of object 0 begins with the list of free ones. */
function formatTable(start, offsets, trailer, previousAt) {
  const free = start === 0 ? ['0000000000 65535 f \n'] : []
  const entries = [
    ...free,
    ...offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`),
  ]
  const end = `trailer\n${trailer}\nstartxref\n${previousAt}\n%%EOF\n`
  return Buffer.from(`xref\n${start} ${entries.length}\n${entries.join('')}${end}`)
}

function object(number, text) {
  return Buffer.from(`${number} 0 obj\n${text}\nendobj\n`, 'latin1')
}

function stream(number, dictionary, data) {
  return Buffer.concat([
    Buffer.from(`${number} 0 obj\n<< ${dictionary} /Length ${data.length} >>\nstream\n`, 'latin1'),
    data,
    Buffer.from('\nendstream\nendobj\n'),
  ])
}
