// A PDF of 4 MB about byte ranges, with a picture on each of its pages: made of arithmetic alone, and
// linearised, so that turning to a page fetches the bytes of that page.

import { randomUUID } from 'node:crypto'
import { access, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeLinearised } from './linearised.mjs'

const pages = 40
const side = 316

/** Puts the document into a folder that lacks it. */
export async function addDocument(folder) {
  const path = join(folder, 'byte-ranges.pdf')
  const isThere = await access(path).then(
    () => true,
    () => false,
  )
  if (isThere) return
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    await writeFile(temporary, makeDocument())
    await rename(temporary, path)
  } catch {
    // A folder that cannot be written to has its other files.
    await rm(temporary, { force: true }).catch(() => {})
  }
}

export function makeDocument() {
  return makeLinearised(pages, drawPage)
}

const texts = [
  [
    'Byte ranges',
    'A client need not fetch all of a file. It can request a part,',
    'and the server responds 206 with those bytes alone.',
  ],
  [
    'Turn a page',
    'This file is linearised: a table at its beginning says where',
    'each page lies, and the viewer requests the bytes of that page.',
  ],
  [
    'Range: bytes=0-499',
    'The first 500 bytes. Both positions are inclusive.',
    'The response has Content-Range: bytes 0-499/4000000.',
  ],
  [
    'Range: bytes=-500',
    'The last 500 bytes. An MP4 often has its index there,',
    'and a ZIP archive its directory.',
  ],
  [
    'Range: bytes=9500-',
    'All from position 9500 on: how a download goes on',
    'after its connection was lost.',
  ],
  [
    'If-Range: "v1"',
    'The rest, but only if the file is still the same.',
    'If it is not, the full new file: never two halves of different ones.',
  ],
  [
    'Range: bytes=0-99,500-599',
    'Two parts in one response, each with its own head,',
    'as multipart/byteranges.',
  ],
  [
    '416 Range Not Satisfiable',
    'The range begins beyond the end. The response tells the length:',
    'Content-Range: bytes */4000000.',
  ],
]

function drawPage(index, firstPos, lastPos) {
  const [title, ...lines] = texts[index % texts.length]
  const position = (number) => number.toLocaleString('en').padStart(9)
  const words = [
    [24, 372, 22, title],
    ...lines.map((line, i) => [24, 402 + 18 * i, 11, line]),
    [24, 470, 11, `This page is bytes ${position(firstPos)} to ${position(lastPos)} of the file.`],
    [24, 560, 9, `Page ${index + 1} of ${pages}`],
  ]
  const text = words.map(([x, y, size, line]) => {
    const escaped = line.replaceAll(/[()\\]/g, String.raw`\$&`)
    return `BT /F ${size} Tf ${x} ${595 - y} Td (${escaped}) Tj ET`
  })
  return {
    resources: (image) =>
      `/Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> /XObject << /I ${image} >>`,
    content: [`q 372 0 0 316 24 247 cm /I Do Q`, ...text].join('\n'),
    image: {
      dictionary: `/Type /XObject /Subtype /Image /Width ${side} /Height ${side} /BitsPerComponent 8 /ColorSpace [/Indexed /DeviceRGB 255 <${palette(index)}>]`,
      data: julia(index),
    },
  }
}

/** 256 colours, from dark to light, whose hue goes round as the pages go on. */
function palette(index) {
  const colours = Array.from({ length: 256 }, (_, i) =>
    [0, 1 / 3, 2 / 3].map((phase) => {
      const wave = 0.5 + 0.5 * Math.cos(2 * Math.PI * (i / 256 + phase + index / pages))
      return Math.round(255 * Math.min(1, (i / 110) * wave + (i / 255) ** 2 / 3))
    }),
  )
  return Buffer.from(colours.flat()).toString('hex')
}

/** The Julia set of a point on a circle, as the number of steps in which each point escapes. */
function julia(index) {
  const angle = 2 * Math.PI * (0.02 + index / pages)
  const [cx, cy] = [0.7885 * Math.cos(angle), 0.7885 * Math.sin(angle)]
  const data = Buffer.alloc(side * side)
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      let x = (3 * column) / side - 1.5
      let y = (2.55 * row) / side - 1.275
      let steps = 0
      while (steps < 85 && x * x + y * y < 16) {
        ;[x, y] = [x * x - y * y + cx, 2 * x * y + cy]
        steps++
      }
      data[row * side + column] = 3 * steps
    }
  }
  return data
}
