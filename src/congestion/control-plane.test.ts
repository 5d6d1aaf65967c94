import { describe, expect, test } from 'vitest';
import type { Algorithm, FlowControl, FlowInfo } from './algorithm.ts';
import type { Command } from './commands.ts';
import { ControlPlane } from './control-plane.ts';
import { compile } from './language/compiler.ts';
import { CWND, FIRST_VALUE } from './language/instructions.ts';

const program = compile('(def (Report (acked 3)) (gain 1)) (when true (report))');

function flow(id: number, source = '10.0.0.1'): FlowInfo {
  const sizes = { mssBytes: 1460, initialCwndBytes: 14_600 };
  return {
    id,
    ...sizes,
    protocol: 'tcp',
    source,
    sourcePort: 1000 + id,
    destination: '10.0.0.9',
    destinationPort: 80,
  };
}

function start(
  algorithm: Partial<Algorithm>,
  onReport: (acked: number, control: FlowControl) => void = () => {},
) {
  const commands: [number, Command][] = [];
  const failures: [number[], string][] = [];
  const log: string[] = [];
  const whole: Algorithm = {
    name: 'test',
    onCreate: (control) => {
      log.push(`create ${control.flow.id}`);
      control.install(program);
      return {
        onReport: (report) => onReport(report.field('acked'), report.control),
        createSubflow: ({ flow: { id } }) => log.push(`subflow ${id}`),
        onClose: ({ id }) => log.push(`close ${id}`),
      };
    },
    ...algorithm,
  };
  const plane = new ControlPlane(whole, {
    command: (id, command) => commands.push([id, command]),
    failed: (flows, error) => failures.push([flows.map(({ id }) => id), error.message]),
  });
  const report = (id: number, generation = 1, serial = 1, acked = 5) =>
    plane.report({ flow: id, generation, serial, nowMicros: 9, values: Float64Array.of(acked) });
  return { plane, report, commands, failures, log };
}

test('names become registers, and a report is answered when it has been dealt with', () => {
  const { plane, report, commands } = start({}, (acked, control) =>
    control.update({ Cwnd: acked * 2, gain: 7 }),
  );
  plane.open(flow(4), 0);
  report(4);
  expect(commands).toEqual([
    [4, { kind: 'install', generation: 1, bytes: program.bytes, values: [] }],
    [
      4,
      {
        kind: 'update',
        values: [
          [CWND, 10],
          [FIRST_VALUE + 1, 7],
        ],
      },
    ],
    [4, { kind: 'answer', serial: 1 }],
  ]);
});

test('reports of a program that was replaced are answered and not shown', () => {
  let seen = 0;
  const { plane, report, commands } = start({}, (_, control) => {
    seen++;
    control.install(program);
  });
  plane.open(flow(4), 0);
  report(4, 1, 1);
  report(4, 1, 2);
  expect(seen).toBe(1);
  report(4, 2, 3);
  expect(seen).toBe(2);
  expect(commands.filter(([, { kind }]) => kind === 'answer')).toHaveLength(3);
});

describe('aggregates', () => {
  const bySource = { aggregateBy: ({ source }: FlowInfo) => source };

  test('take in later flows, and begin anew when all have gone', () => {
    const { plane, log } = start(bySource);
    plane.open(flow(1), 0);
    plane.open(flow(2), 0);
    plane.open(flow(3, '10.0.0.2'), 0);
    plane.close(1);
    plane.close(2);
    plane.open(flow(4), 0);
    plane.close(99);
    expect(log).toEqual(['create 1', 'subflow 2', 'create 3', 'close 1', 'close 2', 'create 4']);
    expect(plane.size).toBe(2);
  });

  test('fail together, and apart from others', () => {
    const { plane, report, commands, failures } = start(bySource, () => {
      throw new Error('lost my way');
    });
    for (const info of [flow(1), flow(2), flow(3, '10.0.0.2')]) plane.open(info, 0);
    report(2);
    report(1);
    expect(failures).toEqual([[[1, 2], 'lost my way']]);
    expect(commands.slice(-2)).toEqual([1, 2].map((id) => [id, { kind: 'abandon', why: 'lost my way' }]));
    expect(plane.size).toBe(1);
  });
});

test('names that are not there, and updates before a program, say what there is', () => {
  const early = start({
    onCreate(control) {
      control.update({ Cwnd: 1 });
      return { onReport() {} };
    },
  });
  early.plane.open(flow(1), 0);
  expect(early.failures[0]![1]).toBe('flow 1 has no program yet');
  const wrong = start({}, (_, control) => control.update({ gian: 1 }));
  wrong.plane.open(flow(1), 0);
  wrong.report(1);
  expect(wrong.failures[0]![1]).toBe('the program has no `gian`, only Cwnd, Rate, Report.acked, gain');
});
