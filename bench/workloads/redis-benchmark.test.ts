// The output of redis-benchmark 7.0, shortened.
import { expect, test } from 'vitest';
import { parseRedisBenchmark, requireFigures } from './redis-benchmark.ts';

const output = `GET: rps=0.0 (overall: 0.0) avg_msec=nan (overall: nan)\rGET: rps=28000.0 (overall: 27900.0)\r      \r====== GET ======
  160000 requests completed in 5.66 seconds
  16 parallel clients
  3 bytes payload
  keep alive: 1
  host configuration "save":
  multi-thread: no

Latency by percentile distribution:
0.000% <= 0.047 milliseconds (cumulative count 7)
50.000% <= 0.335 milliseconds (cumulative count 82888)
99.805% <= 3.111 milliseconds (cumulative count 159688)
99.902% <= 4.447 milliseconds (cumulative count 159844)
99.951% <= 5.943 milliseconds (cumulative count 159922)
100.000% <= 1677.311 milliseconds (cumulative count 160000)

Cumulative distribution of latencies:
0.765% <= 0.103 milliseconds (cumulative count 1224)
99.939% <= 5.103 milliseconds (cumulative count 159902)
100.000% <= 1677.311 milliseconds (cumulative count 160000)

Summary:
  throughput summary: 28253.58 requests per second
  latency summary (msec):
          avg       min       p50       p95       p99       max
        0.407     0.040     0.335     0.511     0.743  1677.311

`;

test('figures are read, p99.9 from the first line that reaches it', () => {
  expect(parseRedisBenchmark(output)).toEqual({
    requests: 160_000,
    requestsPerSecond: 28_253.58,
    averageMillis: 0.407,
    p50Millis: 0.335,
    p99Millis: 0.743,
    p999Millis: 4.447,
    maxMillis: 1677.311,
  });
});

test('p99.9 is taken from either distribution', () => {
  const coarse = output.replace(/^99\.902%.*\n/m, '');
  expect(parseRedisBenchmark(coarse).p999Millis).toBe(5.103);
});

test('what is not its output is refused', () => {
  for (const bad of [
    '',
    output.replace('latency summary', 'summary').replace('p99 ', ''),
    '"GET","1000.00"\n',
  ])
    expect(() => parseRedisBenchmark(bad)).toThrow(/could not be read/);
});

test('a run that did not end is an error where its figures are needed', () => {
  expect(() => requireFigures(undefined, { host: '192.168.77.3', timeoutMillis: 60_000 })).toThrow(
    'redis-benchmark to 192.168.77.3 did not end in 60 s.',
  );
});
