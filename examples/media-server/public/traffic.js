// What is known of the requests for each file, and the map and the list that show it.

import { Coverage } from './coverage.js'
import { formatBytes, formatPosition, formatTime } from './format.js'

const mostRequests = 200
const mostLines = 4

export class Traffic {
  #files = new Map()
  #shown
  #section
  #part
  #settled

  /** @param {HTMLElement} section what holds the map and the list */
  constructor(section) {
    this.#section = section
    this.#part = (id) => section.querySelector(`#${id}`)
    this.#part('clear').addEventListener('click', () => this.clear())
  }

  /** Shows the requests for a file, those so far and those to come. */
  show(file) {
    this.#shown = this.#fileAt(pathOf(file.url))
    this.#shown.size = file.size
    this.#section.hidden = false
    this.#part('size').textContent = formatBytes(file.size)
    const marks = { quarter: 0.25, half: 0.5, 'three-quarters': 0.75, whole: 1 }
    for (const [id, share] of Object.entries(marks)) {
      this.#part(id).textContent = formatBytes(Math.round(file.size * share))
    }
    this.#part('strip').replaceChildren()
    this.#part('log').replaceChildren()
    for (const request of this.#shown.requests.values()) {
      request.views = undefined
      this.#draw(request)
    }
    this.#drawFigures()
    this.#drawHeat()
  }

  /** Takes in how often each byte of a file has been sent, to whatever client. */
  heat({ url, completeLength, spans }) {
    const file = this.#fileAt(pathOf(url))
    file.heat = { completeLength, spans }
    if (file === this.#shown) this.#drawHeat()
  }

  #drawHeat() {
    const { completeLength = 0, spans = [] } = this.#shown.heat ?? {}
    const most = spans.reduce((max, { times }) => Math.max(max, times), 1)
    const marks = spans.map(({ firstPos, lastPos, times }) => {
      const mark = element('i')
      Object.assign(mark.dataset, { first: firstPos, last: lastPos, times })
      mark.style.left = `min(${percent(firstPos / completeLength)}, 100% - 1px)`
      mark.style.width = percent((lastPos - firstPos + 1) / completeLength)
      mark.style.opacity = 0.25 + (0.75 * times) / most
      return mark
    })
    this.#part('heat').replaceChildren(...marks)
  }

  /** Takes in one event: `start`, `progress` or `end`. */
  report(event, transfer) {
    const file = this.#fileAt(pathOf(transfer.url))
    const state = event !== 'end' ? 'sending' : transfer.aborted ? 'aborted' : 'complete'
    let request = file.requests.get(transfer.id)
    if (event === 'start' || !request) {
      if (request) remove(request)
      request = { views: undefined }
      file.requests.set(transfer.id, request)
      file.count++
    }
    request.state = state
    request.transfer = transfer
    request.parts = split(transfer)
    if (event === 'end') {
      file.sent += transfer.bytesSent
      for (const part of request.parts) if (part.sent > 0) file.coverage.add(sentRange(part))
    }
    this.#forget(file)
    if (file !== this.#shown) return
    this.#draw(request)
    this.#drawFigures()
  }

  /** Starts the map and the list of the shown file again. */
  clear() {
    const { requests } = this.#shown
    for (const [id, request] of requests) {
      if (request.state === 'sending') continue
      remove(request)
      requests.delete(id)
    }
    Object.assign(this.#shown, { coverage: new Coverage(), count: requests.size, sent: 0 })
    this.#drawFigures()
  }

  /** Forgets what was under way when the events broke off: its end will not be reported. */
  interrupted() {
    for (const file of this.#files.values()) {
      for (const [id, request] of file.requests) {
        if (request.state !== 'sending') continue
        remove(request)
        file.requests.delete(id)
      }
    }
    if (this.#shown) this.#drawFigures()
  }

  #fileAt(path) {
    let file = this.#files.get(path)
    if (!file) {
      file = { requests: new Map(), coverage: new Coverage(), count: 0, sent: 0, size: 0 }
      this.#files.set(path, file)
    }
    return file
  }

  #forget({ requests }) {
    if (requests.size <= mostRequests) return
    for (const [id, request] of requests) {
      if (request.state === 'sending') continue
      remove(request)
      requests.delete(id)
      return
    }
  }

  #draw(request) {
    const { transfer, state, parts } = request
    if (!request.views) {
      const row = newRow(transfer, parts)
      const bars = newBars(transfer, parts)
      for (const bar of this.#part('strip').children) bar.dataset.earlier = ''
      this.#part('strip').append(...bars)
      this.#part('log').prepend(row)
      request.views = { row, bars, minis: [...row.querySelectorAll('.segment')] }
    }
    const { row, bars, minis } = request.views
    for (const [i, part] of parts.entries()) {
      updateBar(bars[i], part, state)
      updateBar(minis[i], part, state)
    }
    updateRow(row, transfer, state)
  }

  #drawFigures() {
    const { requests, size, count, coverage, sent } = this.#shown
    const covered = coverage.clone()
    let underWay = 0
    for (const { state, transfer, parts } of requests.values()) {
      if (state !== 'sending') continue
      underWay += transfer.bytesSent
      for (const part of parts) if (part.sent > 0) covered.add(sentRange(part))
    }
    const { bytes } = covered
    const share = size === 0 ? '' : ` (${Math.floor((100 * bytes) / size)} %)`
    this.#part('fetched').textContent = formatBytes(bytes)
    this.#part('fetched').dataset.bytes = bytes
    this.#part('share').textContent = share
    this.#part('count').textContent = count
    this.#part('sent').textContent = formatBytes(sent + underWay)
    this.#part('no-requests').hidden = requests.size > 0

    // Read out once things have calmed down, not with each chunk.
    clearTimeout(this.#settled)
    this.#settled = setTimeout(() => {
      const requestsText = count === 1 ? '1 request' : `${count} requests`
      this.#part('summary').textContent =
        `${requestsText}, ${formatBytes(bytes)} of ${formatBytes(size)} fetched${share}`
    }, 1500)
  }
}

// The heads of the parts of a multipart response are not shown: they are small.
function split({ ranges, bytesSent }) {
  let left = bytesSent
  return ranges.map(({ firstPos, lastPos }) => {
    const sent = Math.min(left, lastPos - firstPos + 1)
    left -= sent
    return { firstPos, lastPos, sent }
  })
}

function sentRange({ firstPos, sent }) {
  return { firstPos, lastPos: firstPos + sent - 1 }
}

function pathOf(url) {
  const { pathname } = new URL(url, location.href)
  try {
    return decodeURIComponent(pathname)
  } catch {
    return pathname
  }
}

function remove({ views }) {
  if (!views) return
  views.row.remove()
  for (const bar of views.bars) bar.remove()
}

function newBars({ id, status, completeLength }, parts) {
  return parts.map(({ firstPos, lastPos }) => {
    const bar = element('div', 'segment')
    Object.assign(bar.dataset, { id, status, first: firstPos, last: lastPos })
    // Never so far to the right that nothing of it is seen.
    bar.style.left = `min(${percent(firstPos / completeLength)}, 100% - 2px)`
    bar.style.width = percent((lastPos - firstPos + 1) / completeLength)
    bar.append(element('i'))
    return bar
  })
}

function updateBar(bar, { firstPos, lastPos, sent }, state) {
  bar.dataset.state = state
  bar.dataset.sent = sent
  bar.firstChild.style.width = percent(sent / (lastPos - firstPos + 1))
}

function newRow(transfer, parts) {
  const row = element('tr')
  row.dataset.id = transfer.id
  row.dataset.status = transfer.status
  const status = element('span', 'status', transfer.status)
  status.dataset.status = transfer.status
  const mini = element('div', 'mini')
  mini.setAttribute('aria-hidden', 'true')
  mini.append(...newBars(transfer, parts))
  row.append(
    cell('', status),
    cell('bytes', ...describeRanges(transfer).map((line) => element('div', '', line))),
    cell('where', mini),
    cell('number sent'),
    cell('number took'),
    cell('', element('span', 'outcome')),
  )
  return row
}

function updateRow(row, transfer, state) {
  const { bytesSent, bytesPlanned, durationMs } = transfer
  Object.assign(row.dataset, { state, sent: bytesSent, planned: bytesPlanned })
  const sent = row.querySelector('.sent')
  sent.replaceChildren(formatBytes(bytesSent))
  if (state !== 'complete') sent.append(element('small', '', ` of ${formatBytes(bytesPlanned)}`))
  row.querySelector('.took').textContent = durationMs === undefined ? '' : formatTime(durationMs)
  const outcome = row.querySelector('.outcome')
  outcome.dataset.state = state
  outcome.textContent = describeOutcome(transfer, state)
}

/** Each range on a line of its own, as far as there is room. */
function describeRanges({ method, ranges }) {
  if (method !== 'GET') return [method]
  if (ranges.length === 0) return ['none']
  const shown = ranges.length > mostLines ? mostLines - 1 : ranges.length
  const lines = ranges
    .slice(0, shown)
    .map(({ firstPos, lastPos }) => `${formatPosition(firstPos)} – ${formatPosition(lastPos)}`)
  if (ranges.length > shown) lines.push(`and ${ranges.length - shown} parts more`)
  return lines
}

// A player that seeks, and a viewer that turns a page, leave the response that they have: that is
// how it is meant to be. A source that fails is something else.
function describeOutcome({ status, failed }, state) {
  if (state === 'sending') return 'sending'
  if (state === 'aborted') return failed ? 'cut off' : 'client moved on'
  const words = { 200: 'sent in full', 206: 'sent', 304: 'unchanged', 412: 'changed' }
  return words[status] ?? (status === 416 ? 'out of range' : 'sent')
}

function cell(className, ...content) {
  const td = element('td', className)
  td.append(...content)
  return td
}

function element(name, className = '', text = '') {
  const made = document.createElement(name)
  if (className !== '') made.className = className
  if (text !== '') made.textContent = text
  return made
}

function percent(share) {
  return `${(100 * share).toFixed(4)}%`
}
