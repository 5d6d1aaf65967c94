import { describe, expect, it } from 'vitest';
import { homeOf } from '../../src/paths/reroute/fast-select.ts';
import type { ReroutePath } from '../../src/reroute/status.ts';
import { distribution, groupsOf } from '../benches/middlebox.ts';
import { changeScript, kernelPortAt } from './port-changes.ts';

describe('changes of ports', () => {
  it('ask for what is at home on each port, three packets long', () => {
    const script = changeScript([[0, 7]], 32, '10.0.2.250', 8472);
    expect(script).toContain(
      `numgen inc mod 6 map { 0-2 : ${kernelPortAt(0, 32)}, 3-5 : ${kernelPortAt(7, 32)} }`,
    );
    expect(homeOf(kernelPortAt(7, 32), 32)).toBe(7);
    expect(script).toContain('jump group0');
  });

  it('stay within the group that a flow’s hash gives it', () => {
    const script = changeScript([[0], [1, 2], [3]], 32, '10.0.2.250', 8472);
    expect(script).toMatch(
      /jhash udp sport mod 3 .* vmap \{ 0 : jump group0, 1 : jump group1, 2 : jump group2 \}/,
    );
  });
});

it('ports are grouped by who answers behind them', () => {
  const path = (sourcePort: number, backend: string | undefined) => ({ sourcePort, backend }) as ReroutePath;
  const paths = [path(10_000, 'a'), path(10_001, 'b'), path(10_002, 'a'), path(10_003, undefined)];
  expect(groupsOf(paths)).toEqual([[0, 2], [1]]);
});

it('rounds that never succeed are in no share', () => {
  const shares = distribution([1, 1, 3, 0]);
  expect(shares.slice(0, 3)).toEqual([
    [1, 50],
    [2, 50],
    [3, 75],
  ]);
  expect(shares.at(-1)).toEqual([10, 75]);
});
