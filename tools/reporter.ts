// The vitest reporter behind `npm test`: counts what happened and writes the closing lines (why tests were skipped,
// then `N passed, N failed`) to the file named by SELVAGE_TEST_OUTCOME. tools/setup.mjs prints them after everything
// else, so that they are the last lines whatever vitest itself prints. After each test it writes how far it has come:
// a run may be interrupted.
//
// Anything that makes a run untrustworthy counts as a failure: a file that does not load, a broken hook, an error
// outside of any test, a test that never ended, a run without tests.
import { renameSync, writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestCase, TestModule, TestRunEndReason } from 'vitest/node';

export interface SkippedTest {
  readonly name: string;
  readonly reason: string;
}

export interface RunOutcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly SkippedTest[];
}

const namesShownPerReason = 5;

export default class OutcomeReporter implements Reporter {
  private passed = 0;
  private failed = 0;

  onTestCaseResult(test: TestCase): void {
    const { state } = test.result();
    if (state === 'passed') this.passed++;
    else if (state === 'failed') this.failed++;
    write({ ok: false, finished: false, passed: this.passed, failed: this.failed });
  }

  onTestRunEnd(
    modules: readonly TestModule[],
    unhandledErrors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    const outcome = outcomeOf(modules, unhandledErrors.length);
    const ok = outcome.failed === 0 && outcome.passed > 0;
    write({ ok, finished: reason !== 'interrupted', ...outcome, lines: closingLines(outcome) });
  }
}

/** At once whole: the reader may come at any time. */
function write(outcome: object): void {
  const file = process.env['SELVAGE_TEST_OUTCOME'];
  if (file === undefined) return;
  writeFileSync(`${file}.new`, JSON.stringify(outcome));
  renameSync(`${file}.new`, file);
}

export function outcomeOf(modules: readonly TestModule[], unhandledErrors: number): RunOutcome {
  let passed = 0;
  let failed = unhandledErrors;
  const skipped: SkippedTest[] = [];
  for (const module of modules) {
    failed += module.errors().length > 0 ? 1 : 0;
    for (const suite of module.children.allSuites()) failed += suite.errors().length > 0 ? 1 : 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') passed++;
      else if (state === 'skipped') skipped.push({ name: nameOf(test), reason: reasonOf(test) });
      else failed++;
    }
  }
  return { passed, failed, skipped };
}

/** What stands at the very end of a run. */
export function closingLines({ passed, failed, skipped }: RunOutcome): string[] {
  const lines = passed + failed === 0 ? ['No test was run.'] : [];
  for (const [reason, tests] of groupByReason(skipped)) {
    lines.push(`skipped: ${reason}`);
    for (const { name } of tests.slice(0, namesShownPerReason)) lines.push(`    ${name}`);
    if (tests.length > namesShownPerReason) lines.push(`    and ${tests.length - namesShownPerReason} more`);
  }
  const counts = `${passed} passed, ${failed} failed`;
  return [...lines, skipped.length === 0 ? counts : `${counts}, ${skipped.length} skipped`];
}

function groupByReason(skipped: readonly SkippedTest[]): Map<string, SkippedTest[]> {
  const groups = new Map<string, SkippedTest[]>();
  for (const test of skipped) groups.set(test.reason, [...(groups.get(test.reason) ?? []), test]);
  return groups;
}

function nameOf(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}`;
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  if (result.state === 'skipped' && result.note) return result.note;
  if (test.options.mode === 'todo') return 'not written yet';
  return test.options.mode === 'skip' ? 'no reason given' : 'not selected, or its suite failed';
}
