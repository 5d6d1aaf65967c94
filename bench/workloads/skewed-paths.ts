// Makes the ways through the fabric differ: each spine's link to the client's leaf has a delay of its own, so that
// packets sprayed over all of them arrive out of order.
import type { Testbed } from '../testbed.ts';

const LEAST_MICROS = 200;
const STEP_MICROS = 200;

/** A sentence that says what was done. */
export async function skewPaths(
  { lab, clientLeaf }: Testbed,
  linkBitsPerSecond: number,
  queuePackets: number,
): Promise<string> {
  const { spines } = lab.topology;
  for (const [index, spine] of spines.entries()) {
    await lab.setLink(`${clientLeaf}-${spine}`, {
      delayMicros: LEAST_MICROS + index * STEP_MICROS,
      rateBitsPerSecond: linkBitsPerSecond,
      queuePackets,
    });
  }
  const most = LEAST_MICROS + (spines.length - 1) * STEP_MICROS;
  return (
    `The links from the client’s leaf to the ${spines.length} spines have delays of ${LEAST_MICROS} to ${most} µs in ` +
    `steps of ${STEP_MICROS} µs each way, ${linkBitsPerSecond / 1e6} Mbit/s, and queues of ${queuePackets} packets.`
  );
}
