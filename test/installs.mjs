// The packed packages, installed into empty projects by npm and by pnpm, and used by the lines that
// the README begins with: as ES modules, by `require`, and in TypeScript.

import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const require = createRequire(import.meta.url)
const here = (file) => fileURLToPath(new URL(file, import.meta.url))
const { packageManager } = JSON.parse(readFileSync(here('../package.json'), 'utf8'))
const readme = readFileSync(here('../README.md'), 'utf8')

const frameworks = [
  { framework: 'express', version: '^4.18.0', types: '@types/express4' },
  { framework: 'express', version: '^5.0.0', types: '@types/express' },
  { framework: 'koa', version: '^2.0.0', types: '@types/koa2' },
  { framework: 'koa', version: '^3.0.0', types: '@types/koa' },
]

/** What sends bytes in memory through the filter, and how the application is begun. */
const uses = {
  express: {
    begin: 'const app = express()',
    send: `app.get('/bytes', (req, res) => res.type('bin').send(bytes))`,
  },
  koa: {
    begin: 'const app = new koa()',
    send: `app.use((ctx, next) => (ctx.path === '/bytes' ? void (ctx.body = bytes) : next()))`,
  },
}

/**
 * Installs, compiles and runs all projects, or throws with what failed.
 *
 * @param tarballs the paths of the packed packages, by name
 * @param folder where to work
 */
export async function tryInstalled(tarballs, folder) {
  const projects = ['npm', 'pnpm'].flatMap((manager) =>
    frameworks.map((each, i) => {
      const project = { ...each, manager, folder: join(folder, `${manager}-${i}`) }
      writeProject(project, tarballs)
      return project
    }),
  )
  const byNpm = projects.filter(({ manager }) => manager === 'npm')
  const byPnpm = projects.filter(({ manager }) => manager === 'pnpm')
  await Promise.all([installByNpm(byNpm), installByPnpm(byPnpm)])
  for (const { folder, framework, types } of projects) {
    linkTypes(folder, { node: '@types/node', [framework]: types })
  }
  const tsc = here('../node_modules/typescript/bin/tsc')
  await run(process.execPath, [tsc, '-b', ...projects.map((project) => project.folder)])
  await Promise.all(
    projects.map((project) => run(process.execPath, ['check.mjs'], { cwd: project.folder })),
  )
  console.log(`installed: ${projects.length} projects, 3 programs each`)
}

function writeProject({ framework, version, folder }, tarballs) {
  mkdirSync(join(folder, 'media'), { recursive: true })
  const fileOf = (name) => `file:${tarballs[name].replaceAll('\\', '/')}`
  // Not published yet, or not in this state: the adapter's own dependency.
  const overrides = { '@range-serve/core': fileOf('core') }
  const dependencies = { [framework]: version, [`@range-serve/${framework}`]: fileOf(framework) }
  const compilerOptions = {
    composite: true,
    strict: true,
    module: 'nodenext',
    target: 'es2022',
    types: ['node'],
    skipLibCheck: true,
  }
  const files = {
    'package.json': JSON.stringify({ private: true, dependencies, overrides, pnpm: { overrides } }),
    'tsconfig.json': JSON.stringify({ compilerOptions, files: ['typed.mts'] }),
    'module.mjs': moduleOf(framework),
    'typed.mts': moduleOf(framework),
    'common.cjs': commonOf(framework),
    'check.mjs': readFileSync(here('packages/check.mjs')),
    'media/clip.bin': Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => i % 251)),
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
}

const moduleOf = (framework) => `
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import ${framework} from '${framework}'
import { rangeServe, rangeStatic } from '@range-serve/${framework}'
${bodyOf(framework)}
export default server
`

const commonOf = (framework) => `
const { readFileSync } = require('node:fs')
const { createServer } = require('node:http')
const ${framework} = require('${framework}')
const { rangeServe, rangeStatic } = require('@range-serve/${framework}')
${bodyOf(framework)}
module.exports = server
`

function bodyOf(framework) {
  const { begin, send } = uses[framework]
  const [first, ...rest] = linesOfReadme(framework)
  const listener = framework === 'koa' ? 'app.callback()' : 'app'
  return [
    `const bytes = readFileSync('media/clip.bin')`,
    begin,
    first,
    send,
    ...rest,
    `const server = createServer(${listener})`,
  ].join('\n')
}

/** The lines of the README that follow the installation of an adapter, with a file that is there. */
function linesOfReadme(framework) {
  const pattern = /npm install @range-serve\/(\w+)\n```\n+```js\n([\s\S]*?)\n```/g
  const found = [...readme.matchAll(pattern)].find(([, name]) => name === framework)
  return found[2].replace(`'/srv/clip.mp4'`, `process.cwd() + '/media/clip.bin'`).split('\n')
}

async function installByNpm(projects) {
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--silent']
  for (const { folder } of projects) await npm(['install', ...flags], folder)
}

/** By one npx, which takes longer than pnpm. */
async function installByPnpm(projects) {
  const flags = '--prefer-offline --ignore-workspace --ignore-scripts --reporter=append-only'
  const commands = projects.map(({ folder }) => `pnpm -C "${folder}" install ${flags}`)
  const args = ['exec', '--yes', `--package=${packageManager}`, '--call', commands.join(' && ')]
  await npm(args, projects[0].folder)
}

function npm(args, cwd) {
  const path = process.env.npm_execpath ?? ''
  const isNpm = /npm-cli\.[cm]?js$/.test(path)
  // Without the settings of the repository, which `npm test` passes on.
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))
  const [program, first] = isNpm ? [process.execPath, [path]] : ['npm', []]
  return run(program, [...first, ...args], { cwd, env: Object.fromEntries(inherited) })
}

function linkTypes(folder, types) {
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
  for (const [name, packageName] of Object.entries(types)) {
    const target = realpathSync(dirname(require.resolve(`${packageName}/package.json`)))
    symlinkSync(target, join(folder, 'node_modules/@types', name))
  }
}
