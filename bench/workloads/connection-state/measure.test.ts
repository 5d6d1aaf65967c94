// Small numbers of connections, so that it is known what must come out.
import { expect, it } from 'vitest';
import { arrayBytes } from './array-bytes.ts';
import { measureState } from './measure.ts';

it('opens as many connections as asked, holds a frame in flight on each, and sends at every rate', async () => {
  const spec = { connections: 40, windowPackets: 512, rates: [0, 2], flows: 20, flowsPerPair: [1, 5] };
  const report = await measureState(spec, 1e9, async () => {});
  const small = await measureState({ ...spec, rates: [], flowsPerPair: [] }, -1, async () => {});
  expect(report).toMatchObject({
    connections: 40,
    atRates: [{ gbitPerSecond: 0, packetsInFlight: 0 }, { gbitPerSecond: 2 }],
    aggregated: [{ flowsPerPair: 1 }, { flowsPerPair: 5 }],
  });
  expect(report.activePackets).toBeGreaterThanOrEqual(46);
  expect(report.atRates[1]!.packetsInFlight).toBeGreaterThan(0);
  for (const { bytes } of report.aggregated) expect(bytes).not.toBeNaN();
  // Without memory it stays with the first.
  expect(small.connections).toBe(1);
});

it('counts every array once, and none of what is excluded', () => {
  const shared = new Uint32Array(4);
  const own = new Uint8Array(shared.buffer, 4, 8);
  const excluded = { big: new Float64Array(100) };
  const root = { shared, list: [own, new Map([[1, new Uint16Array(3)]])], excluded, loop: {} as object };
  root.loop = root;
  expect(arrayBytes(root, [excluded])).toBe(16 + 6);
});
