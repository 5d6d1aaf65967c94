// What becomes of commands for a flow that has ended, with another in its slot before its end is told; and of flows whose
// algorithm was silent, when it speaks again.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FlowInfo } from '../congestion/algorithm.ts';
import type { Command } from '../congestion/commands.ts';
import { compile } from '../congestion/language/compiler.ts';
import { CWND } from '../congestion/language/instructions.ts';
import { EventFd } from '../linux/eventfd.ts';
import { LinuxDatapath } from './datapath.ts';
import {
  commands,
  control,
  mailboxStates,
  notice,
  noticeKinds,
  mailbox as place,
  slot as slotPlace,
} from './layout.ts';
import { Slots } from './slots.ts';

const [OLD, NEW] = [7, 8];

const { bytes } = compile('(def (Report (x 0))) (when true (report))');
const install: Command = { kind: 'install', generation: 1, bytes, values: [] };
const update: Command = { kind: 'update', values: [[CWND, 5000]] };

const slots = new Slots(new ArrayBuffer(slotPlace.bytes), 1);
const { words } = slots;
const told = new Uint32Array(notice.words);
const opened: FlowInfo[] = [];
const closed: number[] = [];
let fd: EventFd;
let datapath: LinuxDatapath;
beforeEach(() => {
  words.fill(0);
  opened.length = closed.length = 0;
  fd = new EventFd();
  const page = new Int32Array(control.bytes / 4);
  page[control.nextGeneration] = 1;
  datapath = new LinuxDatapath(
    {
      control: page,
      slots,
      notices: { u32: told, drain: (take) => take(0) },
      noticesFd: fd.fd,
      close: () => {},
    },
    250_000,
    {
      open: (flow) => {
        opened.push(flow);
        datapath.command(flow.id, install);
      },
      report: () => {},
      close: (flow) => closed.push(flow),
    },
  );
});
afterEach(() => {
  datapath.close();
  fd.close();
});

function tell(kind: keyof typeof noticeKinds, flow: number): void {
  told.fill(0);
  told[notice.kind] = noticeKinds[kind];
  told[notice.flow] = flow;
  told[notice.nowHigh] = 1 << 20;
  datapath.poll();
}

test('a mailbox is not taken from the flow that has it now', () => {
  words[slotPlace.flow] = OLD;
  datapath.findFlows();
  // The kernel is reading, so that what comes now has to wait.
  words[place.state] = mailboxStates.taken;
  datapath.command(OLD, update);
  words[slotPlace.flow] = NEW;
  words[place.state] = mailboxStates.empty;
  tell('open', NEW);
  datapath.command(OLD, update);
  datapath.command(OLD, { kind: 'answer', serial: 3 });
  expect(datapath.infos.map(({ id }) => id)).toEqual([OLD, NEW]);
  expect(words[place.flow]).toBe(NEW);
  expect(words[place.commands]).toBe(commands.renew | commands.install);
  expect(words[place.values]).toBe(0);
  expect(words[place.answered]).toBe(0);
});

describe('an algorithm that was silent', () => {
  const answer: Command = { kind: 'answer', serial: 1 };
  const soon = () => new Promise((resolve) => setImmediate(resolve));
  beforeEach(() => {
    words[slotPlace.flow] = OLD;
    datapath.findFlows();
    tell('fallback', OLD);
  });

  test('has the flow as a new one when it speaks again, once, with the window that it has by then', async () => {
    words[slotPlace.cwndBytes] = 77_000;
    datapath.command(OLD, answer);
    datapath.command(OLD, update);
    await soon();
    expect(closed).toEqual([OLD]);
    expect(opened.map(({ id, initialCwndBytes }) => [id, initialCwndBytes])).toEqual([
      [OLD, 0],
      [OLD, 77_000],
    ]);
    datapath.command(OLD, answer);
    await soon();
    expect(opened).toHaveLength(2);
  });

  test.each<Command>([
    install,
    { kind: 'abandon', why: 'out of ideas' },
    { ...install, bytes: new Uint8Array(1808) },
  ])('but not when what it says is $kind, which the kernel takes or refuses for good', async (command) => {
    datapath.command(OLD, command);
    datapath.command(OLD, answer);
    await soon();
    expect([opened.length, closed]).toEqual([1, []]);
  });
});
