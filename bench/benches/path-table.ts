// What the fast path's table takes (ZooRoute §7.1, figure 17): 50,000 destinations of 32 ports, in the core's own table with a change of
// every state, beside a hash entry {destination, index → port} for every port. Keys count on both sides, the overhead of
// hash tables on neither. Destinations of stateful middleboxes stay uncompressed. It needs no lab.
import { FORM_BITMAP, FORM_GROUPS, FORM_STRIDES, type Form } from '../../src/paths/reroute/fast-select.ts';
import { FastTable, type FastTableHolder } from '../../src/paths/reroute/fast-table.ts';
import type { Ipv6Address } from '../../src/wire/address.ts';
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { Measurements } from '../harness/measurements.ts';
import type { Contender } from '../peers/peer.ts';

const FULL = 50_000;
const QUICK = 5_000;
const PORTS = 32;
const ADDRESS_BYTES = 16;
/** Index of a port, and the port. */
const BASELINE_ENTRY_BYTES = ADDRESS_BYTES + 1 + 2;
/** Form, homes, base port, unit: the value of a destination. */
const ENTRY_BYTES = 1 + 1 + 2 + 4;
const ELEMENT_BYTES = 8;
const SHARES_OF_VIPS = [0, 0.01, 0.03];

const FORMS: readonly (Contender & {
  readonly name: 'bitmaps' | 'hierarchicalIndexes';
  readonly form: Form;
})[] = [
  { name: 'bitmaps', title: 'PBM', settings: 'a bitmap of 64 ports each', form: FORM_BITMAP },
  { name: 'hierarchicalIndexes', title: 'HI', settings: 'M = 8, four bytes each', form: FORM_STRIDES },
];
const BASELINE: Contender = {
  name: 'hashEntries',
  title: 'hash entries',
  settings: '{destination, index → port}',
};

const columns: readonly Column[] = [
  { metric: 'megabytes', title: 'MB' },
  { metric: 'bytes', title: 'bytes a destination' },
  { metric: 'smaller', title: 'times smaller' },
];

export async function pathTable({ quick }: BenchOptions): Promise<BenchOutcome> {
  const destinations = quick ? QUICK : FULL;
  const measured = new Measurements();
  const baseline = destinations * PORTS * BASELINE_ENTRY_BYTES;
  const worst: Record<string, number> = {};
  for (const share of SHARES_OF_VIPS) {
    const situation = `${100 * share} % of stateful vIPs`;
    const record = (name: Contender['name'], bytes: number) =>
      measured.record(name, situation, {
        megabytes: bytes / 1e6,
        bytes: bytes / destinations,
        smaller: baseline / bytes,
      });
    record('hashEntries', baseline);
    for (const { name, form } of FORMS) {
      const bytes = tableBytes(destinations, form, share);
      record(name, bytes);
      worst[name] = Math.min(worst[name] ?? Number.POSITIVE_INFINITY, baseline / bytes);
    }
  }
  const ratios = { pbmSmaller: worst['bitmaps'], hiSmaller: worst['hierarchicalIndexes'] };
  const notes = [
    `${destinations.toLocaleString('en-US')} destinations of ${PORTS} ports. An entry is its key of ${ADDRESS_BYTES} bytes, a value of ${ENTRY_BYTES} and ` +
      `its part of the states array; the baseline’s a key of ${ADDRESS_BYTES + 1} bytes and a port, ${PORTS} times.`,
    'As the table was filled, and as a holder was told of it. PBM has room for the 32 ports that are added when more than half are bad.',
  ];
  return { rounds: 1, peers: [BASELINE, ...FORMS], columns, measured, ratios, notes };
}

/** Of a table as its holder has it. */
function tableBytes(destinations: number, form: Form, shareOfVips: number): number {
  const table = new FastTable(Number.POSITIVE_INFINITY);
  const vips = Math.round(destinations * shareOfVips);
  for (let id = 0; id < destinations; id++) {
    const address: Ipv6Address = [0, 0, 0xffff, 0x0a000000 + id];
    table.add(id, address, id < vips ? FORM_GROUPS : form, 10_000, PORTS);
  }
  let entries = 0;
  const elements = new Set<number>();
  const holder: FastTableHolder = {
    remove: () => {},
    store: (element) => elements.add(element),
    place: () => entries++,
  };
  table.drain(holder);
  return entries * (ADDRESS_BYTES + ENTRY_BYTES) + elements.size * ELEMENT_BYTES;
}
