// `selvage bench`: compares Selvage with its peers on this machine.
import type { Command } from 'commander';
import { BENCHES } from '../../bench/benches.ts';

const width = Math.max(...BENCHES.map(({ name }) => name.length));
const details = `
Benchmarks:
${BENCHES.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`).join('\n')}

Peers run in the same call and in turns, in a lab that is made for it and taken down. Progress goes to standard error.

Examples:
  selvage bench throughput
  selvage bench failover --quick --json | tail -1 | jq .ratios
`;

interface BenchOptions {
  readonly quick?: boolean;
  readonly json?: boolean;
}

export function addBenchCommand(program: Command): void {
  program
    .command('bench')
    .description('Run a benchmark: Selvage beside its peers.')
    .argument('<name>', BENCHES.map(({ name }) => name).join(', '))
    .option('--quick', 'fewer cases or rounds, within 100 s: a rough figure')
    .option('--json', 'end with one line of JSON')
    .addHelpText('after', details)
    .action(async (name: string, { quick = false, json = false }: BenchOptions) => {
      const { runBench } = await import('../../bench/run.ts');
      process.exitCode = await runBench(name, { quick, json });
    });
}
