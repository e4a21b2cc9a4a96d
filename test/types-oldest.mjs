// Compiles the projects in the folders that are its arguments by the oldest TypeScript that is
// supported, and prints the errors of each as JSON.

import path from 'node:path'
import ts from 'typescript5.0'

const formatHost = {
  getCanonicalFileName: (name) => name,
  getCurrentDirectory: ts.sys.getCurrentDirectory,
  getNewLine: () => '\n',
}
/** The declarations of the language and of Node: parsed once, and not checked again for each project. */
const parsed = new Map()
const isGiven = (name) => /\/(typescript|@types\/node)\//.test(name)

function compile(folder) {
  const file = path.join(folder, 'tsconfig.json')
  const { options, fileNames } = ts.getParsedCommandLineOfConfigFile(
    file,
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
        throw new Error(messageText)
      },
    },
  )
  const host = ts.createCompilerHost(options)
  const { getSourceFile } = host
  host.getSourceFile = (name, ...rest) => {
    if (!isGiven(name)) return getSourceFile(name, ...rest)
    const key = `${rest[0].impliedNodeFormat} ${name}`
    if (!parsed.has(key)) parsed.set(key, getSourceFile(name, ...rest))
    return parsed.get(key)
  }
  const program = ts.createProgram(fileNames, options, host)
  const checked = program.getSourceFiles().filter(({ fileName }) => !isGiven(fileName))
  const diagnostics = [
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...checked.flatMap((each) => ts.getPreEmitDiagnostics(program, each)),
  ]
  return ts.formatDiagnostics(diagnostics, formatHost)
}

console.log(JSON.stringify(process.argv.slice(2).map(compile)))
