// The server in a few lines, on each framework, and commands for a terminal: all to be copied.

import { servers } from './servers.js'

const $ = (id) => document.getElementById(id)

export function showCode() {
  const tabs = Object.keys(servers).map((name) => {
    const tab = document.createElement('button')
    Object.assign(tab, { type: 'button', className: 'button', textContent: name, role: 'tab' })
    tab.addEventListener('click', () => select(tab))
    return tab
  })
  $('tabs').replaceChildren(...tabs)
  $('code').addEventListener('click', ({ target }) => {
    if (!target.matches('.snippet .button')) return
    const text = target.parentElement.querySelector('pre').textContent
    navigator.clipboard.writeText(text).then(
      () => say(target, 'Copied'),
      () => say(target, 'Select it'),
    )
  })
  select(tabs[0])

  function select(tab) {
    for (const one of tabs) one.ariaSelected = String(one === tab)
    $('server').textContent = servers[tab.textContent]
  }
}

function say(button, text) {
  button.textContent = text
  setTimeout(() => (button.textContent = 'Copy'), 1500)
}

/** Shows commands for the file at an address. */
export function showCommands(address) {
  const quoted = `'${address.replaceAll("'", '%27')}'`
  const commands = [
    ['The first 500 bytes', `curl -sD - -o /dev/null -r 0-499 ${quoted}`],
    ['The last 500 bytes', `curl -sD - -o /dev/null -r -500 ${quoted}`],
    ['Two parts in one response', `curl -s -r 0-9,5000-5009 ${quoted} | cat -v`],
    ['A download that goes on where it ended', `curl -C - -O ${quoted}`],
  ]
  const items = commands.map(([says, command]) => {
    const item = $('command').content.firstElementChild.cloneNode(true)
    item.querySelector('p').textContent = says
    item.querySelector('pre').textContent = command
    return item
  })
  $('commands').replaceChildren(...items)
}
