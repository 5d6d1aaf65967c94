// What becomes of commands for a flow that has ended, with another in its slot before its end is told.
import { afterEach, expect, test } from 'vitest';
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
const fd = new EventFd();
const datapath = new LinuxDatapath(
  {
    control: new Int32Array(control.bytes / 4),
    slots,
    notices: { u32: told, drain: (take) => take(0) },
    noticesFd: fd.fd,
    close: () => {},
  },
  250_000,
  { open: ({ id }) => datapath.command(id, install), report: () => {}, close: () => {} },
);
afterEach(() => {
  datapath.close();
  fd.close();
});

test('a mailbox is not taken from the flow that has it now', () => {
  words[slotPlace.flow] = OLD;
  datapath.findFlows();
  // The kernel is reading, so that what comes now has to wait.
  words[place.state] = mailboxStates.taken;
  datapath.command(OLD, update);
  words[slotPlace.flow] = NEW;
  words[place.state] = mailboxStates.empty;
  told[notice.kind] = noticeKinds.open;
  told[notice.flow] = NEW;
  datapath.poll();
  datapath.command(OLD, update);
  datapath.command(OLD, { kind: 'answer', serial: 3 });
  expect(datapath.infos.map(({ id }) => id)).toEqual([OLD, NEW]);
  expect(words[place.flow]).toBe(NEW);
  expect(words[place.commands]).toBe(commands.renew | commands.install);
  expect(words[place.values]).toBe(0);
  expect(words[place.answered]).toBe(0);
});
