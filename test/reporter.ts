import type { Reporter, TestModule } from 'vitest/node'

/** Names every skipped test, and ends with the counts on a separate line. */
export class NamesWhatWasSkipped implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    const skipped: string[] = []
    for (const module of modules) {
      if (module.errors().length > 0) count.failed++
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        count[state]++
        if (state === 'skipped') skipped.push(test.fullName)
      }
    }
    for (const name of skipped) console.log(`skipped: ${name}`)
    const { passed, failed, skipped: left } = count
    console.log(`\n${passed} passed, ${failed} failed${left > 0 ? `, ${left} skipped` : ''}`)
  }
}
