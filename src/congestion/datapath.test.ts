import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Command } from './commands.ts';
import { ANSWER_TIMEOUT_MICROS, type DatapathEvent, type DatapathOptions, FlowDatapath } from './datapath.ts';
import { compile } from './language/compiler.ts';
import { CWND, FIRST_VALUE, RATE } from './language/instructions.ts';
import { signals } from './language/signals.ts';

const MSS = 1000;
const reporting = compile(
  '(def (Report (acked 0)) (gain 1)) (when true (:= Report.acked Ack.bytes_acked) (report))',
);

function start(more: Partial<DatapathOptions> = {}) {
  const events: DatapathEvent[] = [];
  const reports: { generation: number; serial: number; values: number[] }[] = [];
  const options = { mssBytes: MSS, initialCwndBytes: 10 * MSS, maxCwndBytes: 1000 * MSS, ...more };
  const datapath = new FlowDatapath(0, options, {
    report: (generation, serial, _, values) => reports.push({ generation, serial, values: [...values] }),
    event: (_, event) => events.push(event),
  });
  const ack = (nowMicros: number, bytes = MSS) => {
    datapath.signals[signals['Ack.bytes_acked']] = bytes;
    datapath.signals[signals['Flow.rtt_sample_us']] = 100;
    datapath.signals[signals['Flow.bytes_in_flight']] = datapath.cwndBytes - bytes;
    datapath.invoke(nowMicros);
  };
  const install = (
    nowMicros: number,
    values: Command & { kind: 'update' } = { kind: 'update', values: [] },
  ) =>
    datapath.command(nowMicros, {
      kind: 'install',
      generation: 1,
      bytes: reporting.bytes,
      values: values.values,
    });
  return { datapath, events, reports, ack, install };
}

describe('before an algorithm', () => {
  test('a flow doubles its window in a round trip, halves it upon loss, and then adds a packet a round trip', () => {
    const { datapath, ack } = start();
    for (let i = 0; i < 10; i++) ack(100 + i);
    expect(datapath.cwndBytes).toBe(20 * MSS);
    datapath.signals[signals['Ack.lost_pkts_sample']] = 1;
    ack(300);
    ack(310);
    expect(datapath.cwndBytes).toBe(10 * MSS);
    datapath.signals[signals['Ack.lost_pkts_sample']] = 0;
    for (let i = 0; i < 10; i++) ack(400 + i);
    expect(datapath.cwndBytes).toBe(11 * MSS);
    datapath.signals[signals['Flow.was_timeout']] = 1;
    ack(900, 0);
    expect(datapath.cwndBytes).toBe(MSS);
  });

  test('a window that is not used does not grow', () => {
    const { datapath } = start();
    datapath.signals[signals['Ack.bytes_acked']] = MSS;
    datapath.signals[signals['Flow.bytes_in_flight']] = MSS;
    for (let i = 0; i < 10; i++) datapath.invoke(100 + i);
    expect(datapath.cwndBytes).toBe(10 * MSS);
  });
});

describe('answers', () => {
  test('are waited for from the oldest report on', () => {
    const { datapath, events, reports, ack, install } = start();
    install(1000);
    ack(2000);
    ack(3000);
    expect(reports).toEqual([
      { generation: 1, serial: 1, values: [MSS] },
      { generation: 1, serial: 2, values: [MSS] },
    ]);
    expect(datapath.nextTimeoutMicros).toBe(2000 + ANSWER_TIMEOUT_MICROS);
    datapath.command(4000, { kind: 'answer', serial: 1 });
    expect(datapath.nextTimeoutMicros).toBe(4000 + ANSWER_TIMEOUT_MICROS);
    datapath.command(5000, { kind: 'answer', serial: 2 });
    expect(datapath.nextTimeoutMicros).toBe(Number.POSITIVE_INFINITY);
    datapath.advance(1e12);
    expect(events.map(({ kind }) => kind)).toEqual(['installed']);
  });

  test('count once each, and only to reports that this program made', () => {
    const { datapath, ack, install } = start();
    const waitsSince = () => datapath.nextTimeoutMicros - ANSWER_TIMEOUT_MICROS;
    const answer = (nowMicros: number, serial: number) => {
      datapath.command(nowMicros, { kind: 'answer', serial });
      return waitsSince();
    };
    install(1000);
    for (const now of [2000, 3000, 4000]) ack(now);
    expect([answer(5000, 4), answer(5100, 2 ** 32 - 1), answer(5200, 0)]).toEqual([2000, 2000, 2000]);
    expect([answer(6000, 2), answer(6100, 2), answer(6200, 1)]).toEqual([6000, 6000, 6000]);
    install(7000);
    ack(8000);
    expect([answer(9000, 3), answer(9100, 4)]).toEqual([8000, Number.POSITIVE_INFINITY]);
  });

  test('go on when the number of reports begins anew after 2^32', () => {
    const old = start();
    old.install(1000);
    const last = 2 ** 32 - 1;
    const options = { mssBytes: MSS, initialCwndBytes: 10 * MSS, maxCwndBytes: 1000 * MSS };
    const serials: number[] = [];
    const datapath = new FlowDatapath(
      2000,
      options,
      { report: (_, serial) => serials.push(serial), event() {} },
      { ...old.datapath.save(), serial: last, answered: last },
    );
    datapath.invoke(3000);
    datapath.invoke(3100);
    expect(serials).toEqual([0, 1]);
    datapath.command(4000, { kind: 'answer', serial: 0 });
    expect(datapath.nextTimeoutMicros).toBe(4000 + ANSWER_TIMEOUT_MICROS);
    datapath.command(5000, { kind: 'answer', serial: 1 });
    expect(datapath.nextTimeoutMicros).toBe(Number.POSITIVE_INFINITY);
  });

  test('that do not come cost the flow, and the next program gets it back', () => {
    const { datapath, events, ack, install } = start();
    install(1000);
    datapath.command(1500, {
      kind: 'update',
      values: [
        [CWND, 500 * MSS],
        [RATE, 77],
      ],
    });
    ack(2000);
    datapath.advance(2000 + ANSWER_TIMEOUT_MICROS - 1);
    expect(datapath.control).toBe('algorithm');
    datapath.advance(2000 + ANSWER_TIMEOUT_MICROS);
    expect(datapath.control).toBe('fallback');
    expect(datapath.rateBytesPerSecond).toBe(Number.POSITIVE_INFINITY);
    datapath.command(300_000, { kind: 'update', values: [[CWND, MSS]] });
    expect(datapath.cwndBytes).toBeGreaterThan(MSS);
    install(400_000);
    expect(datapath.control).toBe('algorithm');
    expect(events.map(({ kind }) => kind)).toEqual(['installed', 'fallback', 'installed']);
  });
});

test('an absurd window does not outlive the algorithm that set it, and that one does not come back', () => {
  const { datapath, ack, install } = start();
  install(1000);
  datapath.command(1500, { kind: 'update', values: [[CWND, 2 ** 50]] });
  expect(datapath.cwndBytes).toBe(1000 * MSS);
  datapath.signals[signals['Flow.bytes_in_flight']] = 30 * MSS;
  datapath.command(1600, { kind: 'update', values: [[CWND, Number.NaN]] });
  expect(datapath.cwndBytes).toBe(30 * MSS);
  install(1700);
  ack(1800);
  expect(datapath.control).toBe('fallback');
});

test('whatever is commanded, there are a window, a rate and a way on', () => {
  const number = fc.oneof(
    fc.double(),
    fc.nat(200),
    fc.constantFrom(CWND, RATE, FIRST_VALUE, FIRST_VALUE + 1),
  );
  const values = fc.array(fc.tuple(number, fc.oneof(fc.double(), fc.nat(1e6))), { maxLength: 3 });
  const bytes = fc.oneof(fc.constant(reporting.bytes), fc.uint8Array({ minLength: 1808, maxLength: 1808 }));
  const command: fc.Arbitrary<Command> = fc.oneof(
    fc.record({ kind: fc.constant('install' as const), generation: fc.nat(9), bytes, values }),
    fc.record({ kind: fc.constant('update' as const), values }),
    fc.record({ kind: fc.constant('answer' as const), serial: fc.oneof(fc.nat(9), fc.double()) }),
    fc.record({ kind: fc.constant('abandon' as const), why: fc.string() }),
  );
  const property = fc.property(fc.array(command, { maxLength: 20 }), (commands) => {
    const { datapath, ack } = start();
    for (const [i, each] of commands.entries()) {
      datapath.command(i * 1000, each);
      ack(i * 1000 + 500);
      datapath.advance(i * 1000 + 600);
      expect(datapath.cwndBytes).toBeGreaterThanOrEqual(MSS);
      expect(datapath.cwndBytes).toBeLessThanOrEqual(1000 * MSS);
      expect(datapath.rateBytesPerSecond).toBeGreaterThanOrEqual(MSS);
    }
  });
  fc.assert(property, { numRuns: 500 });
});

describe('reports that would come too often', () => {
  const counting = compile(
    '(def (Report (volatile acked 0))) (when true (:= Report.acked (+ Report.acked Ack.bytes_acked)) (report))',
  );
  const install = { kind: 'install', generation: 1, bytes: counting.bytes, values: [] } as const;

  test('wait, and nothing of them is lost', () => {
    const { datapath, reports, ack } = start({ minReportMicros: 1000 });
    datapath.command(0, install);
    for (let now = 1; now <= 3000; now++) ack(now);
    expect(reports.map(({ values }) => values)).toEqual([[MSS], [1000 * MSS], [1000 * MSS]]);
  });

  test('are made by the first run that may, also when the program says nothing then', () => {
    const once = compile('(def (Report (volatile acked 0))) (when (== Ack.bytes_acked 7) (report))');
    const { datapath, reports, ack } = start({ minReportMicros: 1000 });
    datapath.command(0, { ...install, bytes: once.bytes });
    for (const [now, bytes] of [
      [1, 7],
      [2, 7],
      [1000, 1],
      [1001, 1],
      [5000, 1],
    ] as const)
      ack(now, bytes);
    expect(reports.map(({ serial }) => serial)).toEqual([1, 2]);
  });
});

test('a flow that is released runs on, reports to nobody, and takes the next program', () => {
  const { datapath, reports, events, ack, install } = start();
  install(0, { kind: 'update', values: [[CWND, 77 * MSS]] });
  ack(1);
  datapath.release(10);
  ack(20);
  expect([reports.length, datapath.cwndBytes, datapath.control]).toEqual([1, 77 * MSS, 'fallback']);
  install(30);
  ack(40);
  expect([reports.length, datapath.control]).toEqual([2, 'algorithm']);
  datapath.release(50);
  datapath.advance(50 + ANSWER_TIMEOUT_MICROS);
  expect(events.at(-1)).toMatchObject({ kind: 'fallback', reason: 'silent' });
  expect(datapath.cwndBytes).toBeLessThan(77 * MSS);
});

test('another datapath goes on from what one saves', () => {
  const one = start({ minReportMicros: 1000 });
  one.install(0, { kind: 'update', values: [[CWND, 50 * MSS]] });
  for (let now = 0; now < 500; now += 100) one.ack(now);
  const reports: number[][] = [];
  const options = {
    mssBytes: MSS,
    initialCwndBytes: 10 * MSS,
    maxCwndBytes: 1000 * MSS,
    minReportMicros: 1000,
  };
  const other = new FlowDatapath(
    500,
    options,
    { report: (generation, serial, _, values) => reports.push([generation, serial, ...values]), event() {} },
    structuredClone(one.datapath.save()),
  );
  expect([other.cwndBytes, other.control]).toEqual([50 * MSS, 'algorithm']);
  expect(other.nextTimeoutMicros).toBe(one.datapath.nextTimeoutMicros);
  other.invoke(1000);
  expect(reports).toEqual([[1, 2, MSS]]);
});
