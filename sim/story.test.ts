// What the story must show, whatever the seed: what a path's death and random loss do to requests, with Selvage and
// without. Times are virtual, so bounds on them are exact.
import { describe, expect, test } from 'vitest';
import { defaultTopology } from '../lab/topology.ts';
import { SLOTS } from '../src/paths/path-table.ts';
import { SLOT_HEALTHY } from '../src/paths/slot-health.ts';
import { itForSeeds } from '../test/support/seeds.ts';
import type { Overlay } from './cloud.ts';
import { REDIS_GET } from './guest/redis.ts';
import { type Played, playScene, type Scene } from './story.ts';

const HEALTHY_MICROS = 20_000;
const SILENT_MICROS = 60_000;
/** Linux's tenants wait 200 ms at the least for what is lost. */
const TCP_PATIENCE_MICROS = 200_000;

interface Seen extends Played {
  readonly micros: number[];
  failed: number;
  /** Between two answers of one client, or from the last one to the end. */
  longestGapMicros: number;
}

function see(overlay: Overlay, seed: number, faults: Partial<Scene>): Seen {
  const micros: number[] = [];
  const lastAnswer: number[] = [];
  let failed = 0;
  let longestGapMicros = 0;
  const endGap = (client: number, now: number) => {
    longestGapMicros = Math.max(longestGapMicros, now - lastAnswer[client]!);
    lastAnswer[client] = now;
  };
  const scene = {
    topology: defaultTopology(),
    overlay,
    seed,
    lossPpm: 0,
    healthyMicros: HEALTHY_MICROS,
    silentMicros: 0,
    ...faults,
  };
  const played = playScene(scene, (startMicros) => {
    for (let client = 0; client < (faults.workload ?? REDIS_GET).clients; client++)
      lastAnswer.push(startMicros);
    return {
      complete(client, started, now) {
        micros.push(now - started);
        endGap(client, now);
      },
      fail: () => failed++,
    };
  });
  for (const client of lastAnswer.keys()) endGap(client, played.endMicros);
  return { ...played, micros, failed, longestGapMicros };
}

describe('a spine that falls silent', () => {
  itForSeeds('over Selvage: nobody waits for 10 ms, and nothing fails', 4, (seed) => {
    const { cloud, spine, failed, longestGapMicros, micros } = see('selvage', seed, {
      silentMicros: SILENT_MICROS,
    });
    expect(spine).toMatch(/^spine[1-4]$/);
    expect(cloud.fabric.counters().blackholed).toBeGreaterThan(0);
    expect(failed).toBe(0);
    expect(longestGapMicros).toBeLessThan(10_000);
    expect(micros.length).toBeGreaterThan(1000);
  });

  test('over plain VXLAN: whoever has a flow there waits until the end', () => {
    const { longestGapMicros, micros } = see('plain', 1, { silentMicros: SILENT_MICROS });
    expect(longestGapMicros).toBeGreaterThan(0.9 * SILENT_MICROS);
    expect(micros.length).toBeGreaterThan(1000);
  });

  test('over plain VXLAN: fails requests whose time is over', () => {
    const workload = { ...REDIS_GET, timeoutMicros: 50_000 };
    expect(see('plain', 1, { silentMicros: SILENT_MICROS, workload }).failed).toBeGreaterThan(0);
  });

  test('is left by all slots of a peer that is sent to, and works for them when it is back', () => {
    const workload = { ...REDIS_GET, clients: 2, clientMicros: 1000 };
    const { cloud, spine } = see('selvage', 1, { silentMicros: SILENT_MICROS, workload });
    const { paths, forwarding, pathCare } = cloud.hosts.get('host1')!.vswitch;
    const server = forwarding.peers.indexOf(cloud.fabric.addressOf(cloud.fabric.host('host3')));
    const healthy = () =>
      Array.from({ length: SLOTS }, (_, slot) => paths.stateOf(server, slot)).filter(
        (state) => state === SLOT_HEALTHY,
      ).length;
    expect(pathCare.rerouting.movesOf(server)).toBeGreaterThan(0);
    expect(pathCare.candidates.badOf(server)).not.toBe(0);
    expect(healthy()).toBe(SLOTS);
    cloud.fabric.imposeOnNode(spine!, {});
    cloud.run(10_000_000);
    expect(pathCare.candidates.badOf(server)).toBe(0);
    expect(healthy()).toBe(SLOTS);
  });
});

describe('1 % loss each way on the access link', () => {
  itForSeeds('over Selvage: no request waits as long as TCP would', 3, (seed) => {
    const { cloud, failed, micros } = see('selvage', seed, { lossPpm: 10_000, healthyMicros: 60_000 });
    expect(cloud.fabric.counters().lost).toBeGreaterThan(20);
    expect(failed).toBe(0);
    expect(Math.max(...micros)).toBeLessThan(TCP_PATIENCE_MICROS / 20);
  });

  test('over plain VXLAN: each loss costs a request 200 ms', () => {
    const { cloud, micros } = see('plain', 1, { lossPpm: 10_000, healthyMicros: 500_000 });
    const slow = micros.filter((each) => each >= TCP_PATIENCE_MICROS);
    expect(slow.length).toBeGreaterThan(0.5 * cloud.fabric.counters().lost);
    expect(Math.min(...slow)).toBeLessThan(TCP_PATIENCE_MICROS + 5000);
  });
});

test('a healthy network serves both alike', () => {
  const plain = see('plain', 1, {});
  const selvage = see('selvage', 1, {});
  expect(plain.failed + selvage.failed).toBe(0);
  expect(selvage.micros.length / plain.micros.length).toBeGreaterThan(0.95);
});
