// The packed packages, compiled as their users compile them: against the types of each major of the
// frameworks, by the oldest and the newest TypeScript, in every way to resolve modules, with the
// declarations checked as well.

import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const require = createRequire(import.meta.url)
const here = (file) => fileURLToPath(new URL(file, import.meta.url))
const newest = here('../node_modules/typescript/bin/tsc')

/** What is installed, and the programs that are compiled with it. */
const installations = [
  {
    name: 'Express 5, Koa 3',
    types: { node: '@types/node', express: '@types/express', koa: '@types/koa' },
    programs: ['core', 'express', 'koa', 'http'],
  },
  {
    name: 'Express 4',
    types: { node: '@types/node', express: '@types/express4' },
    programs: ['express'],
  },
  { name: 'Koa 2', types: { node: '@types/node', koa: '@types/koa2' }, programs: ['koa'] },
  { name: 'nothing', types: {}, programs: ['worker'] },
]
const ways = [
  { name: 'nodenext', type: 'module', module: 'nodenext' },
  { name: 'bundler', type: 'module', module: 'esnext', moduleResolution: 'bundler' },
  { name: 'commonjs', type: 'commonjs', module: 'commonjs' },
  { name: 'nodenext in CommonJS', type: 'commonjs', module: 'nodenext', since: 'newest' },
]
const strict = {
  noEmit: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  target: 'es2022',
  lib: ['es2022'],
  types: ['node'],
  esModuleInterop: true,
}
const inWorkers = { lib: ['es2022', 'dom', 'dom.iterable'], types: [] }

/**
 * Compiles all programs, or throws with their errors.
 *
 * @param unpacked a folder that holds the packages by name
 * @param folder where to work
 */
export async function compilePrograms(unpacked, folder) {
  const projects = installations.flatMap((installation, i) => {
    const installed = join(folder, `types-${i}`)
    install(installation, unpacked, installed)
    const { name } = installation
    const its = name === 'nothing' ? ways.filter((way) => way.name === 'bundler') : ways
    return its.map((way, j) => writeProject(installation, way, join(installed, String(j))))
  })
  const old = projects.filter(({ since }) => since === undefined)
  const outputs = await Promise.all([compileWithOldest(old), compileWithNewest(projects)])
  const failures = outputs.flat().filter(({ output }) => output !== '')
  if (failures.length > 0) {
    throw new Error(failures.map(({ title, output }) => `${title}:\n${output}`).join('\n'))
  }
  console.log(`types: ${old.length + projects.length} compilations`)
}

function install({ types }, unpacked, folder) {
  const modules = join(folder, 'node_modules')
  cpSync(unpacked, join(modules, '@range-serve'), { recursive: true })
  mkdirSync(join(modules, '@types'))
  for (const [name, packageName] of Object.entries(types)) {
    const target = realpathSync(dirname(require.resolve(`${packageName}/package.json`)))
    symlinkSync(target, join(modules, '@types', name))
  }
}

function writeProject({ name: installed, programs }, { name, type, since, ...way }, folder) {
  cpSync(here('types'), folder, { recursive: true })
  const files = programs.map((program) => `${program}.ts`)
  const compilerOptions = { ...strict, ...(files.includes('worker.ts') ? inWorkers : {}), ...way }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type }))
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  return { title: `${name}, ${installed}`, folder, since }
}

/** All in one process, which parses the declarations of Node once. */
async function compileWithOldest(projects) {
  const folders = projects.map(({ folder }) => folder)
  const { stdout } = await run(process.execPath, [here('types-oldest.mjs'), ...folders])
  const outputs = JSON.parse(stdout)
  return projects.map(({ title }, i) => ({ title: `TypeScript 5.0, ${title}`, output: outputs[i] }))
}

/** All in one build, which works on several at once. */
async function compileWithNewest(projects) {
  const folders = projects.map(({ folder }) => folder)
  const output = await run(process.execPath, [newest, '--build', ...folders]).then(
    () => '',
    (error) => error.stdout + error.stderr,
  )
  return [{ title: 'the newest TypeScript', output }]
}
