// The load client as a program of its own, run in a tenant's namespace: `load-client SPEC`.
import { createInterface } from 'node:readline';
import { type LoadSpec, STOP } from './protocol.ts';
import { startLoad } from './run.ts';

async function main(spec: LoadSpec): Promise<void> {
  const run = await startLoad(spec, (event) => process.stdout.write(`${JSON.stringify(event)}\n`));
  const lines = createInterface({ input: process.stdin });
  lines.on('line', run.command);
  // Whoever started us is gone.
  lines.on('close', () => run.command(STOP));
  await run.ended;
  lines.close();
  process.stdin.destroy();
}

main(JSON.parse(process.argv[2]!)).catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
