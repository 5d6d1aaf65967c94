// Finds a benchmark by name, runs it and prints what came out: a table, and with `json` one line more for programs.
import { unknownName } from '../lab/names.ts';
import { reenterUnprivileged } from '../lab/user-namespace.ts';
import { BENCHES } from './benches.ts';
import { outcomeJson, renderOutcome } from './harness/report.ts';

export interface RunOptions {
  readonly quick: boolean;
  readonly json: boolean;
}

/** The exit status. */
export async function runBench(name: string, { quick, json }: RunOptions): Promise<number> {
  const found = BENCHES.find((bench) => bench.name === name);
  if (found === undefined) {
    throw unknownName(
      'benchmark',
      name,
      BENCHES.map((bench) => bench.name),
    );
  }
  const status = await reenterUnprivileged(found.programs);
  if (status !== undefined) return status;
  const bench = await found.load();
  const outcome = await bench({ quick, progress: (line) => process.stderr.write(`${line}\n`) });
  console.log(renderOutcome(name, quick, outcome));
  if (json) console.log(outcomeJson(name, quick, outcome));
  return 0;
}
