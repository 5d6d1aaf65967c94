// Under a processor that is busy, probing gives way: to near peers first (ZooRoute §4.2).
import { expect, it } from 'vitest';
import { CpuRule } from './cpu-rule.ts';
import { Prober } from './prober.ts';
import { mannerOf, ROLE_HYPERVISOR } from './roles.ts';
import { PEER_SPEAKS, SlowTable } from './slow-table.ts';

const SECOND = 1_000_000;

function bench() {
  const table = new SlowTable();
  const cpu = new CpuRule();
  const manner = mannerOf(ROLE_HYPERVISOR, ROLE_HYPERVISOR);
  const prober = new Prober(
    SECOND,
    table,
    cpu,
    () => manner,
    () => {},
  );
  const meet = (address: number, hops: number) => {
    const peer = table.add(address, SECOND);
    table.peers.state[peer] = PEER_SPEAKS;
    table.peers.hops[peer] = hops;
    table.peers.ports[peer] = 32;
    table.peers.window[peer] = 32;
    return peer;
  };
  /** Probes of a peer in the next `seconds`, all traffic on one port. */
  const probes = (peer: number, from: number, seconds: number) => {
    let sent = 0;
    for (let now = from; now < from + seconds * SECOND; now += SECOND / 20) {
      if ((now - from) % SECOND === 0) {
        table.peers.usedAt[peer] = now - 5 * SECOND;
        prober.used(now, peer, 3);
        prober.adjust(now, peer);
        prober.refresh(now, peer);
      }
      prober.advance(now);
      for (const at of prober.due.splice(0)) {
        prober.sent(now, at);
        sent++;
      }
    }
    return sent;
  };
  return { cpu, meet, probes };
}

it('slows down for near peers and not for far ones, and takes its pace up again', () => {
  const { cpu, meet, probes } = bench();
  const near = meet(1, 3);
  const far = meet(2, 7);
  expect(probes(near, 10 * SECOND, 64)).toBeGreaterThan(60);
  for (let i = 0; i < 11; i++) cpu.onSample(0.95, 50_000);
  const slow = probes(near, 100 * SECOND, 64);
  expect(slow).toBeLessThan(20);
  expect(probes(far, 200 * SECOND, 64)).toBeGreaterThan(60);
  for (let i = 0; i < 10; i++) cpu.onSample(0.3, 100);
  expect(probes(near, 300 * SECOND, 70)).toBeGreaterThan(60);
});
