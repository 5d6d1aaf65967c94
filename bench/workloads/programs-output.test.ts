// What other programs and /proc say, as they say it.
import { expect, test } from 'vitest';
import { parseApacheBench, together } from './apache-bench.ts';
import { parseBusySeconds, processSeconds } from './cpu-time.ts';
import { parseIperf } from './iperf.ts';
import { hasListener } from './server.ts';
import { busiestSpine, parseUplinks } from './uplinks.ts';
import { allowedCores } from './wake-cost.ts';

test('iperf3: what the receiver counted, in all and interval by interval', () => {
  const end = {
    sum_sent: { bytes: 1_100, bits_per_second: 8_900, retransmits: 12 },
    sum_received: { bytes: 1_000, bits_per_second: 8_000 },
    cpu_utilization_percent: { host_total: 80, remote_total: 25 },
  };
  const sent = [5, 7].map((retransmits) => ({ sum: { bits_per_second: 9_000, retransmits } }));
  const received = [7_000, 9_000].map((bits_per_second) => ({ sum: { bits_per_second } }));
  const report = { start: {}, end, intervals: sent, server_output_json: { intervals: received } };
  expect(parseIperf(JSON.stringify(report))).toEqual({
    bitsPerSecond: 8000,
    bytes: 1000,
    retransmissions: 12,
    receiverCpu: 0.25,
    intervals: [
      { bitsPerSecond: 7000, retransmissions: 5 },
      { bitsPerSecond: 9000, retransmissions: 7 },
    ],
  });
});

test('iperf3: its error is told', () => {
  expect(() => parseIperf(JSON.stringify({ end: {}, error: 'unable to connect to server' }))).toThrow(
    'iperf3 failed: unable to connect to server.',
  );
  expect(() => parseIperf('{"end":{}}')).toThrow(/no sum/);
  const end = {
    sum_received: { bytes: 1, bits_per_second: 8 },
    cpu_utilization_percent: { remote_total: 1 },
  };
  expect(() => parseIperf(JSON.stringify({ end, intervals: [] }))).toThrow(/of its server/);
  expect(() => parseIperf('')).toThrow('iperf3 gave no report.');
});

test('/proc/stat: busy is what is neither idle, nor waiting, nor stolen', () => {
  const stat = 'cpu  100 20 300 4000 500 6 70 8 9 10\ncpu0 50 10 150 2000 250 3 35 4 5 5\nintr 1\n';
  expect(parseBusySeconds(stat)).toBe((100 + 20 + 300 + 6 + 70) / 100);
});

test('a process that computes uses time', () => {
  const before = processSeconds(process.pid);
  const until = performance.now() + 20;
  while (performance.now() < until);
  expect(processSeconds(process.pid)).toBeGreaterThan(before);
});

test('/proc/net/tcp: a listener is known by port and state', () => {
  const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr
   0: 00000000:18EB 00000000:0000 0A 00000000:00000000 00:00000000
   1: 0100007F:1451 0100007F:9C40 01 00000000:00000000 00:00000000
`;
  const tcp6 =
    '   0: 00000000000000000000000000000000:1451 00000000000000000000000000000000:0000 0A 00000000:00000000\n';
  expect([hasListener(tcp, 6379), hasListener(tcp, 5201), hasListener(tcp + tcp6, 5201)]).toEqual([
    true,
    false,
    true,
  ]);
});

test('the busiest spine is the one whose counters grew most', () => {
  const link = (ifname: string, tx: number, rx: number) => ({
    ifname,
    stats64: { tx: { packets: tx }, rx: { packets: rx } },
  });
  const spines = ['spine1', 'spine2', 'spine3'];
  const before = parseUplinks(JSON.stringify([link('host1', 900, 900), link('spine1', 500, 500)]), spines);
  const after = parseUplinks(
    JSON.stringify([link('spine1', 510, 500), link('spine2', 20, 30), link('spine3', 40, 0)]),
    spines,
  );
  expect([...after]).toEqual([
    ['spine1', 1010],
    ['spine2', 50],
    ['spine3', 40],
  ]);
  expect(busiestSpine(before, after)).toBe('spine2');
});

test('allowed cores are read from a list of ranges', () => {
  expect(allowedCores('Name:\tnode\nCpus_allowed:\t2f\nCpus_allowed_list:\t0-3,5\n')).toEqual([
    0, 1, 2, 3, 5,
  ]);
  expect(allowedCores('Cpus_allowed_list:\t7\n')).toEqual([7]);
});

test('ab: requests of the output, percentiles of the file, and what is not its output is refused', () => {
  const output = `Concurrency Level:      16
Time taken for tests:   8.000 seconds
Complete requests:      52000
Failed requests:        3
Time per request:       2.462 [ms] (mean)
Time per request:       0.154 [ms] (mean, across all concurrent requests)
`;
  const rows = Array.from({ length: 101 }, (_, percent) => `${percent},${(percent / 10).toFixed(3)}`);
  const csv = ['Percentage served,Time in ms', ...rows, ''].join('\n');
  const program = parseApacheBench(output, csv);
  expect(program.percentilesMillis.slice(-3)).toEqual([9.8, 9.9, 10]);
  const { p50Millis, p99Millis, ...others } = together([program, program]);
  expect(others).toEqual({
    requests: 104_000,
    failed: 6,
    requestsPerSecond: 13_000,
    averageMillis: 2.462,
    maxMillis: 10,
  });
  expect([p50Millis, p99Millis]).toEqual([expect.closeTo(5), expect.closeTo(9.9)]);
  expect(() => parseApacheBench(output, '')).toThrow(/could not be read/);
  expect(() => parseApacheBench('', csv)).toThrow(/could not be read/);
});
