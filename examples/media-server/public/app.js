// The page: the files, the player, and the traffic that the player causes.

import { formatBytes } from './format.js'
import { Traffic } from './traffic.js'

const $ = (id) => document.getElementById(id)

const traffic = new Traffic($('traffic'))
const slow = $('slow')
const files = await (await fetch('api/media')).json()
slow.checked = (await (await fetch('api/line')).json()).slow
/** The file that is shown, and its player if it has one. */
let chosen
let player
/** Part of the player's URL: browsers keep what they have of a clip for as long as the page lives. */
let visit = 0

listFiles()
connect()
followTime()
addEventListener('hashchange', chooseByHash)

/** Takes in what the server says of its transfers. */
function connect() {
  const source = new EventSource('api/transfers')
  source.addEventListener('open', () => {
    say('live', 'live')
    traffic.interrupted()
    // Only now: nothing is requested before it can be seen.
    if (!chosen) chooseByHash()
  })
  source.addEventListener('error', () => say('lost', 'reconnecting'))
  for (const event of ['start', 'progress', 'end']) {
    source.addEventListener(event, ({ data }) => traffic.report(event, JSON.parse(data)))
  }
  source.addEventListener('coverage', ({ data }) => traffic.heat(JSON.parse(data)))

  function say(state, text) {
    $('connection').dataset.state = state
    $('connection').textContent = text
  }
}

/* The files */

function listFiles() {
  $('files').append(...files.map(listed))
  $('no-files').hidden = files.length > 0
  $('filter').hidden = files.length <= 12
  $('filter').addEventListener('input', () => {
    const wanted = $('filter').value.trim().toLowerCase()
    for (const item of $('files').children) {
      item.hidden = !item.textContent.toLowerCase().includes(wanted)
    }
  })
}

function listed(file) {
  const item = $('file').content.firstElementChild.cloneNode(true)
  const link = item.querySelector('a')
  link.href = `#${encodeURIComponent(file.name)}`
  link.dataset.name = file.name
  link.dataset.url = file.url
  item.querySelector('use').setAttribute('href', `#icon-${kindOf(file)}`)
  item.querySelector('.file-name').textContent = file.name
  item.querySelector('.file-facts').textContent = factsOf(file)
  return item
}

function kindOf({ type }) {
  const [kind] = type.split('/')
  if (kind === 'video' || kind === 'audio' || kind === 'image') return kind
  return type === 'application/pdf' ? 'page' : 'other'
}

function factsOf({ name, size }) {
  const [, extension = 'file'] = /\.(\w+)$/.exec(name) ?? []
  return `${extension.toUpperCase()}, ${formatBytes(size)}`
}

function chooseByHash() {
  const named = files.find((file) => `#${encodeURIComponent(file.name)}` === location.hash)
  const first = files.find((file) => kindOf(file) === 'video') ?? files[0]
  if (named ?? first) choose(named ?? first)
}

function choose(file) {
  chosen = file
  document.title = `${file.name} – range-serve`
  $('title').textContent = file.name
  $('facts').textContent = factsOf(file)
  $('download').hidden = false
  $('download').href = file.url
  $('download').download = file.name.split('/').pop()
  $('answer').textContent = ''
  for (const link of $('files').querySelectorAll('a')) {
    if (link.dataset.name === file.name) {
      link.setAttribute('aria-current', 'true')
      link.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    } else {
      link.removeAttribute('aria-current')
    }
  }
  traffic.show(file)
  show(file)
}

/* The player */

const views = {
  video: (file) => playerFor('video', file, { playsInline: true }),
  audio: (file) => playerFor('audio', file),
  image: (file) => Object.assign(document.createElement('img'), { src: file.url, alt: file.name }),
  page: (file) =>
    Object.assign(document.createElement('iframe'), { src: file.url, title: file.name }),
  other: () => note('Browsers have no player for this one; it can be downloaded.'),
}

function show(file) {
  // An element that is merely removed goes on loading.
  player?.removeAttribute('src')
  player?.load()
  player = undefined
  const view = views[kindOf(file)](file)
  if (view instanceof HTMLMediaElement) player = view
  $('stage').replaceChildren(view)
  $('traffic').toggleAttribute('data-seekable', player !== undefined)
  for (const id of ['jumps', 'time', 'playhead']) $(id).hidden = player === undefined
}

function playerFor(kind, file, properties) {
  const element = document.createElement(kind)
  element.addEventListener('error', () => {
    if (element !== player) return
    $('stage').replaceChildren(note('This browser cannot play this file; it can be downloaded.'))
  })
  return Object.assign(element, {
    id: 'player',
    controls: true,
    // On a slow line it is a pleasure to see the clip come; on a fast one, to see what is skipped.
    preload: slow.checked ? 'auto' : 'metadata',
    src: visit === 0 ? file.url : `${file.url}?visit=${visit}`,
    ...properties,
  })
}

function note(textContent) {
  return Object.assign(document.createElement('p'), { textContent })
}

function seek(share) {
  if (player && Number.isFinite(player.duration)) player.currentTime = share * player.duration
}

$('strip').addEventListener('click', ({ clientX }) => {
  const { left, width } = $('strip').getBoundingClientRect()
  seek((clientX - left) / width)
})

$('jumps').addEventListener('click', ({ target }) => {
  if (target.dataset.jump) seek(Number(target.dataset.jump))
})

slow.addEventListener('change', () => void changeLine())

async function changeLine() {
  await fetch(`api/line/${slow.checked ? 'slow' : 'fast'}`, { method: 'POST' })
  traffic.clear()
  visit++
  choose(chosen)
}

// Bytes and seconds share the width: roughly right, and exactly so for a constant bit rate.
function followTime() {
  requestAnimationFrame(followTime)
  if (!player || !Number.isFinite(player.duration)) return
  const { currentTime, duration, buffered } = player
  $('playhead').style.left = `${(100 * currentTime) / duration}%`
  while ($('time').children.length > buffered.length) $('time').lastChild.remove()
  for (let i = 0; i < buffered.length; i++) {
    const bar = $('time').children[i] ?? $('time').appendChild(document.createElement('i'))
    bar.style.left = `${(100 * buffered.start(i)) / duration}%`
    bar.style.width = `${(100 * (buffered.end(i) - buffered.start(i))) / duration}%`
  }
}

/* Asking by hand */

const enough = 1 << 20

$('ask').addEventListener('submit', (event) => {
  event.preventDefault()
  ask($('range').value.trim()).then(
    (answer) => ($('answer').textContent = answer),
    (error) => ($('answer').textContent = `That could not be sent: ${error.message}`),
  )
})

for (const example of document.querySelectorAll('[data-range]')) {
  example.addEventListener('click', () => {
    $('range').value = example.dataset.range
    $('ask').requestSubmit()
  })
}

async function ask(range) {
  const headers = range === '' ? {} : { Range: range }
  const response = await fetch(chosen.url, { headers, cache: 'no-store' })
  const lines = [`${response.status} ${response.statusText}`]
  for (const name of ['Content-Range', 'Content-Length', 'Content-Type', 'ETag']) {
    const value = response.headers.get(name)
    if (value !== null) lines.push(`${name}: ${value}`)
  }
  await readSome(response.body)
  return lines.join('\n')
}

/** The first part of a long response is enough. */
async function readSome(body) {
  const reader = body.getReader()
  let read = 0
  while (read < enough) {
    const { done, value } = await reader.read()
    if (done) return
    read += value.byteLength
  }
  await reader.cancel()
}
