// How long a gateway needs when all that it knows changes (ZooRoute §7.1, figure 18): the states of 32 ports of 50,000
// destinations, in either form of the table, into the kernel's fast path.
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { quotient } from '../harness/ratios.ts';
import type { Contender } from '../peers/peer.ts';
import { PathUpdates, type UpdateWay } from '../workloads/path-updates.ts';

const DESTINATIONS = 50_000;
/** Of 8 bytes: a bitmap each, or four bytes of hierarchical indexing. */
const FORMS = [
  { situation: 'PBM', elements: DESTINATIONS },
  { situation: 'HI', elements: DESTINATIONS / 2 },
] as const;
const FULL = { rounds: 20 };
const QUICK = { rounds: 5 };
/** So many turns that the compiler is done. */
const WARM_UPS = 5;

const columns: readonly Column[] = [
  { metric: 'millis', title: 'ms' },
  { metric: 'nanosAnElement', title: 'ns an element' },
];

const ways: readonly (Contender & { readonly name: UpdateWay })[] = [
  { name: 'mapWrites', title: 'map writes', settings: 'a system call an element, by way of koffi' },
  { name: 'mapBatches', title: 'batched map writes', settings: 'one system call' },
  {
    name: 'updatePackets',
    title: 'update packets',
    settings: 'type 0x05 to an XDP program, 287 records each',
  },
  { name: 'mappedMemory', title: 'mapped memory', settings: 'stores, as selvage reroute does' },
];

export async function pathUpdate({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds } = quick ? QUICK : FULL;
  const updates = await PathUpdates.open(DESTINATIONS);
  const measured = new Measurements();
  try {
    for (const { name } of ways) for (let i = 0; i < WARM_UPS; i++) await updates.measure(name, DESTINATIONS);
    await inTurns(ways, rounds, progress, async ({ name }) => {
      for (const { situation, elements } of FORMS) {
        const millis = await updates.measure(name, elements);
        measured.record(name, situation, { millis, nanosAnElement: (millis * 1e6) / elements });
      }
    });
  } finally {
    updates.close();
  }
  const against = (way: UpdateWay, form: string) => quotient(measured, 'mapWrites', way, 'millis', form);
  const ratios = {
    packetsVsMapWrites: against('updatePackets', 'PBM'),
    packetsVsMapWritesHi: against('updatePackets', 'HI'),
    mappedVsMapWrites: against('mappedMemory', 'PBM'),
    mappedVsMapWritesHi: against('mappedMemory', 'HI'),
  };
  const notes = [
    `${DESTINATIONS.toLocaleString('en-US')} destinations of 32 ports: from the first state written until all are in force, ` +
      'as read back from the map afterwards; all other each time.',
    'In the kernel the states are memory that the process has mapped, so the way that the paper replaces by packets, over PCIe ' +
      'to a switch’s registers, is not the slowest here but no way at all. Packets are for whoever cannot map it.',
  ];
  return { rounds, peers: ways, columns, measured, ratios, notes };
}
