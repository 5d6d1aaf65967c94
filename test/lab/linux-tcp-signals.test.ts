// What the kernel tells programs of an acknowledgement is what it tells `ss` of the connection (docs/congestion-linux.md).
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import type { Algorithm } from '../../src/congestion/algorithm.ts';
import { compile } from '../../src/congestion/language/compiler.ts';
import { eventually } from './eventually.ts';
import { needBpf, whyNoBpf } from './rights.ts';
import {
  LINK_DELAY_MICROS,
  PATIENT,
  type SocketState,
  Steered,
  Transfer,
  uniqueName,
  upLimitedLink,
} from './steered-tcp.ts';

needBpf();

/** More than the link and its queue hold. */
const WINDOW_PACKETS = 100;

let lab: Lab;
beforeAll(async () => {
  if (whyNoBpf === undefined) lab = await upLimitedLink();
});
afterAll(() => lab?.down());

const summing = compile(`
(def (Report (bytes 0) (packets 0) (lost 0) (rtt +infinity)))
(when true
  (:= Report.bytes (+ Report.bytes Ack.bytes_acked))
  (:= Report.packets (+ Report.packets Ack.packets_acked))
  (:= Report.lost (+ Report.lost Ack.lost_pkts_sample))
  (:= Report.rtt (min Report.rtt Flow.rtt_sample_us))
  (report))
`);

interface Sums {
  readonly atMicros: number;
  readonly bytes: number;
  readonly packets: number;
  readonly lost: number;
  readonly rttMicros: number;
}

let sums: Sums | undefined;
const summer: Algorithm = {
  name: 'summer',
  onCreate: (control) => {
    const { mssBytes, destinationPort } = control.flow;
    control.install(summing, { Cwnd: WINDOW_PACKETS * mssBytes });
    return {
      onReport: (report) => {
        if (destinationPort !== 5201) return;
        const [bytes, packets, lost, rttMicros] = ['bytes', 'packets', 'lost', 'rtt'].map((name) =>
          report.field(name),
        ) as [number, number, number, number];
        sums = { atMicros: report.nowMicros, bytes, packets, lost, rttMicros };
      },
    };
  },
};

/** What `ss` says, between what the program had summed up before and what it has afterwards. */
async function look(data: Transfer): Promise<{ before: Sums; socket: SocketState; after: Sums }> {
  const before = await eventually('a report', () => sums);
  const socket = await data.state();
  const nowMicros = Number(process.hrtime.bigint() / 1000n);
  const after = await eventually('a later report', () => sums && sums.atMicros > nowMicros && sums);
  return { before, socket, after };
}

test('bytes, packets, losses and round trips are those of the connection', async () => {
  const steered = new Steered(summer, uniqueName(), PATIENT);
  const data = await Transfer.start(lab, steered.name);
  try {
    const first = await look(data);
    await data.moves(10_000_000);
    const last = await look(data);
    for (const [sum, field] of [
      ['bytes', 'bytesAcked'],
      ['packets', 'packetsAcked'],
    ] as const) {
      const moved = last.socket[field] - first.socket[field];
      expect(moved).toBeGreaterThanOrEqual(last.before[sum] - first.after[sum]);
      expect(moved).toBeLessThanOrEqual(last.after[sum] - first.before[sum]);
    }
    const retransmitted = last.socket.retransmitted - first.socket.retransmitted;
    const least = last.before.lost - first.after.lost;
    const most = last.after.lost - first.before.lost;
    // What is lost is sent again within the window; a probe is sent again without a loss.
    expect(least).toBeLessThanOrEqual(retransmitted + WINDOW_PACKETS);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeGreaterThanOrEqual(0.8 * retransmitted - WINDOW_PACKETS);
    // There and back.
    expect(last.after.rttMicros).toBeGreaterThan(1.9 * LINK_DELAY_MICROS);
    expect(last.after.rttMicros).toBeLessThan(1e9);
    expect(steered.events.filter(({ kind }) => kind === 'fallback')).toEqual([]);
  } finally {
    await data.end();
    steered.datapath.close();
  }
});
