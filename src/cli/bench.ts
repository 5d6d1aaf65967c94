// `selvage bench`: compares Selvage with its peers on this machine.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { BENCHES } from '../../bench/benches.ts';
import { PAPERS } from '../../bench/paper/papers.ts';

const listed = (things: readonly { readonly name: string; readonly about: string }[]) => {
  const width = Math.max(...things.map(({ name }) => name.length));
  return things.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`).join('\n');
};
const details = `
Benchmarks:
${listed(BENCHES)}

Peers run in the same call and in turns, in a lab that is made for it and taken down. Progress goes to standard error.

paper NAME runs all that a paper measures, and writes docs/results/NAME.md with a chart for each figure; with --only some
of it is measured again. Papers:
${listed(PAPERS)}

Examples:
  selvage bench throughput
  selvage bench failover --quick --json | tail -1 | jq .ratios
  selvage bench paper bifrost
  selvage bench paper bifrost --only redis-loss,state
`;

interface BenchOptions {
  readonly quick?: boolean;
  readonly json?: boolean;
  readonly out?: string;
  readonly redraw?: boolean;
  readonly only?: string;
}

export function addBenchCommand(program: Command): void {
  program
    .command('bench')
    .description('Run a benchmark: Selvage beside its peers.')
    .argument('<name>', [...BENCHES.map(({ name }) => name), 'paper'].join(', '))
    .argument('[paper]', 'with paper: its name')
    .option('--quick', 'fewer cases or rounds, within 100 s: a rough figure')
    .option('--json', 'end with one line of JSON')
    .option('--out <folder>', 'with paper: where to write')
    .option('--only <benchmarks>', 'with paper: measure these, with commas between, and keep the others')
    .option('--redraw', 'with paper: write again what was measured before')
    .addHelpText('after', details)
    .action(async (name: string, paper: string | undefined, options: BenchOptions) => {
      const { quick = false, json = false, redraw = false } = options;
      if (name === 'paper') {
        const { runPaper } = await import('../../bench/paper/run.ts');
        const out = options.out && resolve(options.out);
        const only = options.only?.split(',').map((each) => each.trim());
        process.exitCode = await runPaper(paper, { quick, json, out, redraw, only });
        return;
      }
      const { runBench } = await import('../../bench/run.ts');
      process.exitCode = await runBench(name, { quick, json });
    });
}
