// Swaps a folder for a link that leaves its root, and back, until it is killed.

import fs from 'node:fs'
import path from 'node:path'

const [, , root, outside] = process.argv
const folder = path.join(root, 'in')
const aside = path.join(path.dirname(root), 'aside')
process.on('disconnect', () => process.exit())
process.send?.('ready')

function swapSome() {
  for (let i = 0; i < 50; i++) {
    fs.renameSync(folder, aside)
    fs.symlinkSync(outside, folder)
    fs.unlinkSync(folder)
    fs.renameSync(aside, folder)
  }
  // To notice the end of the parent.
  setImmediate(swapSome)
}
swapSome()
