// What a loss costs an application: clients that each send 100 bytes, wait for 100 bytes, and go on, over one
// connection. A round trip of the network takes 100 us, a host reacts in 15 us, an application answers in 20 us; all in
// virtual time, so the table is the same everywhere. It shows what a change of the transport's constants does.

import { describe, expect, it } from 'vitest';
import { PERFECT } from '../../sim/channel.ts';
import { ClosedLoop, quantile } from '../../sim/closed-loop.ts';
import { localMemory } from '../packet/region.ts';
import { bifrostPacketType, PACKET_DATA } from '../wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES } from '../wire/vxlan.ts';
import type { TransportCounters } from './types.ts';

const REQUESTS = 10_000;
const CHUNKS = 24;
const memories = [localMemory(CHUNKS), localMemory(CHUNKS)] as const;

interface Outcome {
  readonly requestMicros: readonly number[];
  /** From when a packet that was lost was sent first to when a copy of it arrived. */
  readonly repairMicros: readonly number[];
  readonly sum: (counter: keyof TransportCounters) => number;
}

function measure(clients: number, lossRate: number): Outcome {
  const loop = new ClosedLoop({
    seed: 7,
    clients,
    frameBytes: 100,
    applicationMicros: 20,
    memories,
    hosts: { chunks: CHUNKS },
    conditions: { ...PERFECT, jitterMicros: 10 },
  });
  const { clock, channels, hosts } = loop.network;
  loop.run(REQUESTS / 10);
  const warm = loop.requestMicros.length;
  const repairMicros: number[] = [];
  for (const [side, direction] of channels.entries()) {
    const lostAt = new Map<number, number>();
    // Each its own: were both to lose the same packets, requests would be lost together with their answers.
    let random = 1 + side;
    for (const channel of direction) {
      channel.drops = (packet) => {
        random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
        const lost = random / 2 ** 32 < lossRate;
        const view = new DataView(packet.buffer);
        if (bifrostPacketType(view, VXLAN_HEADER_BYTES, packet.length) !== PACKET_DATA) return lost;
        const psn = view.getUint32(VXLAN_HEADER_BYTES + 4);
        const first = lostAt.get(psn);
        if (lost) lostAt.set(psn, first ?? clock.nowMicros);
        else if (first !== undefined && lostAt.delete(psn)) {
          repairMicros.push(clock.nowMicros - first + PERFECT.delayMicros);
        }
        return lost;
      };
    }
  }
  loop.run(warm + REQUESTS);
  return {
    requestMicros: loop.requestMicros.slice(warm),
    repairMicros,
    sum: (counter) => hosts.reduce((total, { transport }) => total + transport.counters[counter], 0),
  };
}

const cell = (value: number | string) => String(value).padStart(9);

function row(clients: number, percent: number, { requestMicros, repairMicros, sum }: Outcome): string {
  const at = (values: readonly number[], share: number) =>
    values.length === 0 ? '' : Math.round(quantile(values, share));
  const cells = [
    clients,
    percent,
    at(requestMicros, 0.5),
    at(requestMicros, 0.99),
    at(requestMicros, 0.999),
    at(repairMicros, 0.5),
    at(repairMicros, 0.99),
    sum('lostByGap'),
    sum('lostByTime'),
    sum('lostByTimeout'),
    sum('spurious'),
  ];
  return cells.map(cell).join('');
}

describe('requests over a lossy network', () => {
  it('take this long', () => {
    const names = [
      'clients',
      '% loss',
      'p50',
      'p99',
      'p99.9',
      'repair',
      'rep.p99',
      'gap',
      'time',
      'timeout',
      'vain',
    ];
    const rows = [1, 16, 50].flatMap((clients) =>
      [0, 1, 3].map((percent) => row(clients, percent, measure(clients, percent / 100))),
    );
    expect(`\n${[names.map(cell).join(''), ...rows].join('\n')}\n`).toMatchInlineSnapshot(`
      "
        clients   % loss      p50      p99    p99.9   repair  rep.p99      gap     time  timeout     vain
              1        0      160      169      170                          0        0        0        0
              1        1      160      695      725      585     1087        0        1      222        7
              1        3      160      717     1558      582     1587        0        3      671       29
             16        0      159      169      170                          0        0        0        0
             16        1      160      401      502      190      384      215        8        0        0
             16        3      163      521      959      190      464      603       38        5        2
             50        0      157      167      167                          0        0        0        0
             50        1      163      471      487      189      370      218        6        0        0
             50        3      294      661      861      189      441      640       18        2        0
      "
    `);
  });

  it('are repaired without timeouts, storms or packets sent in vain where others follow', () => {
    const { requestMicros, repairMicros, sum } = measure(16, 0.01);
    expect(quantile(requestMicros, 0.99)).toBeLessThan(600);
    expect(repairMicros.length).toBeGreaterThan(150);
    expect(sum('lostByTimeout')).toBeLessThan(repairMicros.length / 20);
    expect(sum('retransmissions')).toBeLessThan(repairMicros.length * 1.1);
    expect(sum('spurious')).toBeLessThan(repairMicros.length / 20);
  });
});
