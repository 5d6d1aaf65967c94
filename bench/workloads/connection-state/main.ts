// Measures what connections cost, as a program of its own: node --expose-gc connection-state SPEC.
import { freemem } from 'node:os';
import { measureState, type StateSpec } from './measure.ts';

/** Of what is free; the machine has other things to do. */
const SHARE_OF_MEMORY = 0.5;
const GIVE_BACK_MILLIS = 50;

const spec: StateSpec = JSON.parse(process.argv[2]!);
const { gc } = globalThis as { gc?: () => void };
if (gc === undefined) throw new Error('node needs --expose-gc');
/** What was found dead is given back in the background, and only then is it known what is left. */
const collect = async () => {
  for (let round = 0; round < 2; round++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, GIVE_BACK_MILLIS));
  }
};
const report = await measureState(spec, freemem() * SHARE_OF_MEMORY, collect);
process.stdout.write(`${JSON.stringify(report)}\n`);
