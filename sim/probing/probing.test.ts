// The count is that of the core itself, pair by pair; and in a region it saves what ZooRoute §4.1 saves, step by step.
import { describe, expect, it } from 'vitest';
import { SeededRng } from '../../src/base/rng.ts';
import { homeOf } from '../../src/paths/reroute/fast-select.ts';
import { Region } from '../../src/paths/reroute/region.testing.ts';
import { mannerOf, ROLE_HYPERVISOR, ROLE_MIDDLEBOX, type Role } from '../../src/paths/reroute/roles.ts';
import { addPairCost } from './pair-cost.ts';
import { type Flow, type PairPattern, pairFlows } from './pair-traffic.ts';
import { countProbes } from './region.ts';

const SECONDS = 250;

/** Requests that a real core sends for these flows. */
function sentByCore(flows: readonly Flow[], peer: Role): number {
  const region = new Region(2, { each: (host) => ({ role: host === 0 ? ROLE_HYPERVISOR : peer }) });
  const start = region.now;
  const kernelPorts = flows.map(({ port }) => kernelPortAtHome(port));
  region.pass(SECONDS, () => {
    const second = (region.now - start) / 1e6;
    for (const [i, { startSecond, endSecond }] of flows.entries())
      if (second >= startSecond && second < endSecond + 0.1) region.flow(0, 1, kernelPorts[i]!);
  });
  return region.hosts[0]!.counters.probesSent;
}

function kernelPortAtHome(home: number): number {
  let port = 32_768;
  while (homeOf(port, 32) !== home) port++;
  return port;
}

describe.each<[string, Role, PairPattern]>([
  ['busy pairs', ROLE_HYPERVISOR, { medianGapSeconds: 4, sigma: 0.3, meanFlowSeconds: 6 }],
  ['sparse pairs', ROLE_HYPERVISOR, { medianGapSeconds: 60, sigma: 0.3, meanFlowSeconds: 5 }],
  ['pairs with long flows', ROLE_HYPERVISOR, { medianGapSeconds: 50, sigma: 0.3, meanFlowSeconds: 60 }],
  ['pairs with a middlebox', ROLE_MIDDLEBOX, { medianGapSeconds: 50, sigma: 0.3, meanFlowSeconds: 5 }],
])('%s', (_, peer, pattern) => {
  it('cost as much as the core sends', () => {
    const rng = new SeededRng(5);
    const cost = { activePeers: 0, activePorts: 0 };
    let sent = 0;
    for (let pair = 0; pair < 4; pair++) {
      const flows = pairFlows(pattern, SECONDS, rng);
      addPairCost(cost, flows, SECONDS, mannerOf(ROLE_HYPERVISOR, peer));
      sent += sentByCore(flows, peer);
    }
    expect(cost.activePorts / sent).toBeGreaterThan(0.93);
    expect(cost.activePorts / sent).toBeLessThan(1.07);
    expect(cost.activePeers).toBeGreaterThan(cost.activePorts);
  });
});

it('a small region: each step saves, and learning spares the middleboxes', () => {
  const { total, worst } = countProbes(
    {
      vteps: 400,
      gateways: 2,
      middleboxes: 8,
      counterparts: 0.25,
      counterpartsOfGateways: 0.5,
      seconds: 600,
      pattern: { medianGapSeconds: 20, sigma: 1, meanFlowSeconds: 5 },
      samples: { hypervisors: 3, hubs: 1 },
    },
    1,
  );
  expect(total.activePeers).toBeLessThan(total.fullMesh * 0.4);
  expect(total.activePorts).toBeLessThan(total.activePeers * 0.3);
  expect(total.learning).toBeLessThan(total.activePorts);
  expect(worst.learning).toBeLessThan(worst.activePorts * 0.7);
});
