import { relative } from 'node:path'
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node'

/** Ends the output with what was skipped, by reason; what failed; and the counts. */
export class Summary implements Reporter {
  #root = ''

  onInit({ config }: Vitest): void {
    this.#root = config.root
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const inState = (state: string) => tests.filter((test) => test.result().state === state)
    const failed = [
      ...modules.flatMap((module) => this.#failuresOf(module)),
      ...inState('failed').map((test) => this.#describe(test)),
    ]
    const skipped = inState('skipped')
    const lines = ['']
    if (skipped.length > 0) lines.push(...summarise(skipped), '')
    if (failed.length > 0) lines.push('Failed:', ...failed, '')
    const counts = [`${inState('passed').length} passed`, `${failed.length} failed`]
    if (skipped.length > 0) counts.push(`${skipped.length} skipped`)
    console.log([...lines, counts.join(', ')].join('\n'))
  }

  /** What fails outside a test: the loading of a file, or a hook. */
  #failuresOf(module: TestModule): readonly string[] {
    const suites = [...module.children.allSuites()]
    return [module, ...suites].flatMap((part) =>
      part.errors().map(({ message }) => {
        const name = part === module ? [] : [(part as (typeof suites)[number]).fullName]
        return formatFailure([relative(this.#root, module.moduleId), ...name], message)
      }),
    )
  }

  #describe(test: TestCase): string {
    const [error] = test.result().errors ?? []
    const file = relative(this.#root, test.module.moduleId)
    return formatFailure([file, test.fullName], error?.message ?? '')
  }
}

function formatFailure(names: readonly string[], message: string): string {
  const [first = ''] = message.split('\n')
  return `  ✗ ${names.join(' > ')}\n    ${first}`
}

/** One line for each reason, that with the most tests first. */
function summarise(skipped: readonly TestCase[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const { fullName } of skipped) {
    const reason = reasonIn(fullName)
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  const sorted = [...counts].toSorted(([, a], [, b]) => b - a)
  return ['Skipped:', ...sorted.map(([reason, count]) => `${String(count).padStart(5)}  ${reason}`)]
}

/** A test or a suite that is skipped ends its name with the reason, in square brackets. */
function reasonIn(name: string): string {
  const [, reason] = /.*\[([^\]]+)\](?: >|$)/.exec(name) ?? []
  return reason ?? 'by a filter, or not for this system'
}
