// A range that is typed in, and the response to it with its parts.

const enough = 1 << 20
const $ = (id) => document.getElementById(id)

/** @param {() => { url: string }} chosen the file that is shown */
export function listenToForm(chosen) {
  $('ask').addEventListener('submit', (event) => {
    event.preventDefault()
    ask(chosen().url, $('range').value.trim()).then(
      (lines) => ($('answer').textContent = lines.join('\n')),
      (error) => ($('answer').textContent = `That could not be sent: ${error.message}`),
    )
  })
  for (const example of document.querySelectorAll('[data-range]')) {
    example.addEventListener('click', () => {
      $('range').value = example.dataset.range
      $('ask').requestSubmit()
    })
  }
}

async function ask(url, range) {
  const headers = range === '' ? {} : { Range: range }
  const response = await fetch(url, { headers, cache: 'no-store' })
  const lines = [`${response.status} ${response.statusText}`]
  for (const name of ['Content-Range', 'Content-Length', 'Content-Type', 'ETag']) {
    const value = response.headers.get(name)
    if (value !== null) lines.push(`${name}: ${value}`)
  }
  const content = await readSome(response.body)
  const [, boundary] = /boundary="?([^";]+)/.exec(response.headers.get('Content-Type') ?? '') ?? []
  return boundary === undefined ? lines : [...lines, ...describeParts(content, boundary)]
}

/** The heads of the parts, and the first bytes of each. A byte is a character here. */
function describeParts(content, boundary) {
  const parts = content.split(`--${boundary}\r\n`).slice(1)
  return parts.flatMap((part, index) => {
    const end = part.indexOf('\r\n\r\n')
    const bytes = Array.from(part.slice(end + 4, end + 20), (character) =>
      character.codePointAt(0).toString(16).padStart(2, '0'),
    )
    return ['', `Part ${index + 1}`, ...part.slice(0, end).split('\r\n'), `${bytes.join(' ')} …`]
  })
}

/** The first part of a long response is enough. */
async function readSome(body) {
  const reader = body.getReader()
  const chunks = []
  let read = 0
  while (read < enough) {
    const { done, value } = await reader.read()
    if (done) break
    chunks.push(new TextDecoder('x-user-defined').decode(value))
    read += value.byteLength
  }
  await reader.cancel()
  // This encoding has the upper half of the bytes in a private place.
  return chunks.join('').replaceAll(/[\uF780-\uF7FF]/g, (one) => String.fromCodePoint(one.codePointAt(0) & 0xff)) // prettier-ignore
}
