// The dialogues behind each adapter.

import path from 'node:path'
import { afterEach, describe } from 'vitest'
import { dialogueFolder, holdDialogues } from '../support/dialogues.ts'
import { frameworks, type Sent } from '../support/frameworks.ts'

const folder = dialogueFolder()

describe.each(frameworks)('%s', (_name, start) => {
  let running: Sent
  afterEach(() => running.close())

  holdDialogues(async (file) => {
    running = await start(() => path.join(folder, file))
    return { port: running.port, path: '/' }
  })
})
