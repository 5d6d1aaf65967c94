import { expect, test } from 'vitest';
import type { SurveyedRoute, SurveyReport } from '../paths/survey-report.ts';
import { renderProbe } from './probe-text.ts';

const ends = {
  source: '10.0.1.1',
  peer: '10.0.2.1',
  port: 8472,
  dev: 'vxlan0',
  underlay: 'eth0',
  isRerouted: false,
};
const route = (spine: string, sourcePorts: number[], more: Partial<SurveyedRoute> = {}): SurveyedRoute => ({
  routers: ['10.0.1.254', spine, '10.0.2.254'],
  sourcePorts,
  share: sourcePorts.length / 8,
  isSilent: false,
  ...more,
});
const text = (report: SurveyReport) => renderProbe({ ...ends, ...report });

test('routes, and what rerouting gains', () => {
  const routes = [
    route('10.1.0.1', [10_000, 10_001, 10_002, 10_005], { rttMicros: 123.4 }),
    route('10.1.0.2', [10_003, 10_006], { rttMicros: 1234.5 }),
    route('10.1.0.3', [10_004, 10_007]),
  ];
  const shared = ['10.0.1.254', '10.0.2.254'];
  const worst = { router: '10.1.0.1', share: 0.5, routesLeft: 2 };
  expect(text({ routes, hashesOnPort: 'yes', shared, worst })).toBe(`\
From 10.0.1.1 (eth0) to 10.0.2.1, UDP port 8472 of vxlan0:

ROUTE  SHARE  RTT      ROUTERS                         SOURCE PORTS
1      50 %   123 µs   10.0.1.254 10.1.0.1 10.0.2.254  10000-10002 10005
2      25 %   1.23 ms  10.0.1.254 10.1.0.2 10.0.2.254  10003 10006
3      25 %   -        10.0.1.254 10.1.0.3 10.0.2.254  10004 10007

The fabric hashes on the outer source port: 3 routes.
If 10.1.0.1 fails, 50 % of flows are hit until the underlay converges, or for as long as it fails silently.
With \`selvage reroute\` on both hosts they move to the other 2 routes in about a second.
All routes pass 10.0.1.254 and 10.0.2.254: nothing leads round there.`);
});

test('what is rerouted already', () => {
  const routes = [
    { ...route('10.1.0.1', [10_000, 10_001], { rttMicros: 123.4 }), peerRttMicros: 200 },
    route('10.1.0.2', [10_002]),
  ];
  const worst = { router: '10.1.0.1', share: 0.5, routesLeft: 1 };
  const said = renderProbe({ ...ends, isRerouted: true, routes, hashesOnPort: 'yes', shared: [], worst });
  expect(said).toContain(`\
ROUTE  SHARE  RTT     TO PEER  ROUTERS                         SOURCE PORTS
1      25 %   123 µs  200 µs   10.0.1.254 10.1.0.1 10.0.2.254  10000-10001
2      13 %   -       -        10.0.1.254 10.1.0.2 10.0.2.254  10002
`);
  expect(said).toContain('`selvage reroute` moves them to the other route in about a second.');
});

test('one way, and why', () => {
  const routes = [route('10.1.0.1', [10_000, 10_001])];
  expect(text({ routes, hashesOnPort: 'one way', shared: [] })).toContain('Either there is no other');
  const no = text({ routes, hashesOnPort: 'no', shared: [], elsewhere: '10.1.0.4' });
  expect(no).toContain('does not look at the outer source port');
  expect(no).toContain('passes 10.1.0.4');
});

test('silence', () => {
  const dead = route('', [10_000], { routers: [], isSilent: true });
  expect(text({ routes: [dead], hashesOnPort: 'unclear', shared: [] })).toContain('ICMP may be filtered');
  const broken = route('', [10_003], { routers: ['10.0.1.254'], isSilent: true });
  const rest = text({ routes: [route('10.1.0.1', [10_000]), broken], hashesOnPort: 'yes', shared: [] });
  expect(rest).toMatch(/^2 .* 10\.0\.1\.254 \? +10003$/m);
  expect(rest).toContain('One of them is silent (1 port)');
});
