// The page: the files, the player, and the traffic that the player causes.

import { showCode, showCommands } from './code.js'
import { formatBytes, formatPosition } from './format.js'
import { listenToForm } from './by-hand.js'
import { Pages } from './pages.js'
import { Traffic } from './traffic.js'

const $ = (id) => document.getElementById(id)

const traffic = new Traffic($('traffic'))
const slow = $('slow')
const { folder, files, total, deeper } = await (await fetch('api/media')).json()
slow.checked = (await (await fetch('api/line')).json()).slow
/** The file that is shown, and its player or its pages if it has such. */
let chosen
let player
let pages
/** Part of the player's URL: browsers keep what they have of a clip for as long as the page lives. */
let visit = 0

listFiles()
showCode()
listenToForm(() => chosen)
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
  $('filter').hidden = files.length <= 12
  $('filter').addEventListener('input', () => {
    const wanted = $('filter').value.trim().toLowerCase()
    for (const item of $('files').children) {
      item.hidden = !item.textContent.toLowerCase().includes(wanted)
    }
    $('no-match').hidden = $('files').querySelector('li:not([hidden])') !== null
  })
  const leftOut = []
  if (total > files.length) {
    leftOut.push(`${formatPosition(files.length)} of ${formatPosition(total)} files.`)
  }
  if (deeper > 0) {
    const folders = deeper === 1 ? 'A folder' : `${formatPosition(deeper)} folders`
    leftOut.push(`${folders} further down ${deeper === 1 ? 'is' : 'are'} not listed.`)
  }
  $('left-out').textContent = leftOut.join(' ')
  $('left-out').hidden = leftOut.length === 0
  if (files.length > 0) return
  $('title').textContent = 'There is nothing to show'
  $('code').hidden = true
  $('stage').replaceChildren(
    note(`${folder} has no files. To serve another folder: npm start -- ~/Videos`),
  )
}

function listed(file) {
  const item = $('file').content.firstElementChild.cloneNode(true)
  const link = item.querySelector('a')
  link.href = `#${encodeURIComponent(file.name)}`
  link.dataset.name = file.name
  link.dataset.url = file.url
  item.querySelector('use').setAttribute('href', `#icon-${kindOf(file)}`)
  item.querySelector('.file-name').textContent = file.name
  link.title = file.name
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
  $('title').title = file.name
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
  showCommands(new URL(file.url, location.href).href)
  traffic.show(file)
  show(file)
}

/* The player */

const views = {
  video: (file) => playerFor('video', file, { playsInline: true }),
  audio: (file) => playerFor('audio', file),
  image: (file) =>
    Object.assign(document.createElement('img'), { src: addressOf(file), alt: file.name }),
  page: (file) => pagesOf(file),
  other: () => note('Browsers have no player for this one; it can be downloaded.'),
}

const hints = {
  video:
    'Drag the playhead: the player requests the bytes from there on, and drops what it no longer needs.',
  audio:
    'Drag the playhead: the player requests the bytes from there on, and drops what it no longer needs.',
  page: 'Turn the pages: the viewer requests the bytes of each page, and never all of the file.',
}

function show(file) {
  reset()
  const kind = kindOf(file)
  const view = views[kind](file)
  if (view instanceof HTMLMediaElement) player = view
  $('stage').replaceChildren(view)
  $('traffic').toggleAttribute('data-seekable', player !== undefined)
  for (const id of ['jumps', 'time', 'playhead']) $(id).hidden = player === undefined
  const line = slow.checked ? 'This line is slow on purpose, 4 Mbit/s, so that you can watch. ' : ''
  $('hint').textContent = hints[kind] ? line + hints[kind] : ''
  $('hint').hidden = hints[kind] === undefined
}

/** Ends what is shown: an element that is merely removed goes on loading. */
function reset() {
  player?.removeAttribute('src')
  player?.load()
  player = undefined
  pages?.close()
  pages = undefined
}

function fail(text) {
  reset()
  $('stage').replaceChildren(note(text))
  $('traffic').removeAttribute('data-seekable')
  for (const id of ['jumps', 'time', 'playhead', 'hint']) $(id).hidden = true
}

function pagesOf(file) {
  const own = new Pages({ url: addressOf(file), size: file.size }, (error) => {
    if (own === pages) fail(`This PDF cannot be shown (${error.message}); it can be downloaded.`)
  })
  pages = own
  return own.element
}

function playerFor(kind, file, properties) {
  const element = document.createElement(kind)
  element.addEventListener('error', () => {
    if (element === player) fail('This browser cannot play this file; it can be downloaded.')
  })
  return Object.assign(element, {
    id: 'player',
    controls: true,
    // On a slow line the clip can be watched as it comes; on a fast one, what is skipped.
    preload: slow.checked ? 'auto' : 'metadata',
    src: addressOf(file),
    ...properties,
  })
}

function addressOf({ url }) {
  return visit === 0 ? url : `${url}?visit=${visit}`
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
