// What holds for a transport at any time, and what holds when nothing is left to do. Throws with a sentence.

import type { Region } from '../src/packet/region.ts';
import { CHUNK_BYTES } from '../src/packet/region.ts';
import { SLOTS } from '../src/paths/path-table.ts';
import { CONNECTION_ESTABLISHED } from '../src/transport/connections.ts';
import { HELD_PASSED, RECEIVE_PACKETS, type ReceiveWindow } from '../src/transport/receive-window.ts';
import {
  RECORD_ACKED,
  RECORD_FIRST,
  RECORD_LENGTH_MASK,
  RECORD_LOST,
  RECORD_SLOT_MASK,
  RECORD_SLOT_SHIFT,
  RECORD_WORDS,
  type SendWindow,
} from '../src/transport/send-window.ts';
import { TALLY_NAMES } from '../src/transport/tallies.ts';
import type { TransportHost } from './transport-host.ts';

/** Writers that keep a chunk of their own: frames, underlay, held packets. */
const WRITERS = 3;

/** State is bounded and its sums are right; between turns. */
export function checkState(host: TransportHost): void {
  const { transport, options } = host;
  const { connections } = transport;
  let held = 0;
  for (let row = 0; row < connections.count; row++) {
    const open = connections.state[row] === CONNECTION_ESTABLISHED;
    const send = connections.send[row];
    const receive = connections.receive[row];
    demand((send === undefined) === (receive === undefined), 'one window without the other');
    demand(open || send === undefined, 'windows do not fit the state');
    if (send !== undefined) held += checkSendWindow(send, options.windowPackets);
    if (receive !== undefined) held += checkReceiveWindow(receive);
    held += connections.recalled[row]?.frames ?? 0;
  }
  for (let pair = 0; pair < options.pairs; pair++) held += host.waiting(pair);
  checkReferences(host.region, held);
  checkTallies(host);
}

/** What was counted of all connections is what was counted of each. */
function checkTallies({ transport: { connections, counters } }: TransportHost): void {
  for (const name of TALLY_NAMES) {
    let sum = 0;
    for (const share of connections.tallies[name]) sum += share;
    demand(sum === counters[name], `${name}: ${counters[name]}, of single connections ${sum}`);
  }
}

/** References that the window holds. */
function checkSendWindow(window: SendWindow, windowPackets: number): number {
  const { frameStart, una, txNext, placed, next, records, mask } = window;
  demand(window.span <= windowPackets, `the send window spans ${window.span} packets`);
  const ordered = [(una - frameStart) | 0, (txNext - una) | 0, (placed - txNext) | 0, (next - placed) | 0];
  demand(Math.min(...ordered) >= 0, `PSNs are out of order: ${[frameStart, una, txNext, placed, next]}`);
  const inFlight = new Array<number>(SLOTS).fill(0);
  const slotBytes = new Array<number>(SLOTS).fill(0);
  let bytes = 0;
  let lost = 0;
  for (let psn = una; psn !== next; psn = (psn + 1) >>> 0) {
    const word = records[(psn & mask) * RECORD_WORDS + 1]!;
    const sent = ((psn - txNext) | 0) < 0;
    if (sent && (word & RECORD_ACKED) !== 0) continue;
    bytes += word & RECORD_LENGTH_MASK;
    const slot = (word & RECORD_SLOT_MASK) >>> RECORD_SLOT_SHIFT;
    if (((psn - placed) | 0) >= 0) {
      demand((word & RECORD_SLOT_MASK) === 0, 'a packet has a slot before it was given one');
      demand(psn === placed || (word & RECORD_FIRST) === 0, 'more than the rest of a frame waits for a slot');
      continue;
    }
    if (!sent || (word & RECORD_LOST) === 0) slotBytes[slot]! += word & RECORD_LENGTH_MASK;
    if (!sent) continue;
    if ((word & RECORD_LOST) !== 0) lost++;
    else inFlight[slot]!++;
  }
  demand(
    bytes === window.inFlightBytes,
    `${window.inFlightBytes} bytes are said to be in flight, not ${bytes}`,
  );
  demand(`${inFlight}` === `${[...window.inFlight]}`, `in flight: ${[...window.inFlight]}, not ${inFlight}`);
  demand(
    `${slotBytes}` === `${[...window.slotBytes]}`,
    `bytes of slots: ${[...window.slotBytes]}, not ${slotBytes}`,
  );
  demand(lost <= window.lostCount, 'a lost packet is not queued to be sent again');
  return (next - una) >>> 0;
}

/** References that the window holds. */
function checkReceiveWindow(window: ReceiveWindow): number {
  const { delivered, complete, base, end, held } = window;
  const spans = [(complete - delivered) | 0, (base - complete) | 0, (end - base) | 0];
  demand(Math.min(...spans) >= 0, `receive PSNs are out of order: ${[delivered, complete, base, end]}`);
  demand((end - delivered) >>> 0 <= RECEIVE_PACKETS, `${(end - delivered) >>> 0} packets are held`);
  const span = (end - delivered) >>> 0;
  let places = 0;
  let passed = 0;
  for (let i = 1; i < held.length; i += 2) {
    if (held[i] !== 0) places++;
    if ((held[i]! & HELD_PASSED) !== 0) passed++;
  }
  demand(places <= span, `${places} places are taken within ${span} PSNs`);
  return places - passed + window.early.frames;
}

/** Nothing is in flight or held, and every chunk is free but for the writers' own. */
export function checkIdle(host: TransportHost): void {
  checkState(host);
  const { connections } = host.transport;
  for (let row = 0; row < connections.count; row++) {
    const send = connections.send[row];
    const receive = connections.receive[row];
    demand(send === undefined || send.una === send.next, 'packets are in flight');
    demand(receive === undefined || receive.delivered === receive.end, 'packets are held');
    demand((connections.recalled[row]?.frames ?? 0) === 0, 'frames wait for a new connection');
  }
  const used = host.region.chunks - 1 - host.region.free;
  demand(used <= WRITERS, `${used} chunks are in use`);
}

/** Whoever holds a packet holds a reference; every writer holds one of its chunk; there are no others. */
function checkReferences(region: Region, held: number): void {
  let references = 0;
  let used = 0;
  for (let chunk = 1; chunk < region.chunks; chunk++) {
    const count = region.references(chunk * CHUNK_BYTES);
    references += count;
    if (count > 0) used++;
  }
  demand(used + region.free === region.chunks - 1, `${used} chunks are in use, ${region.free} are free`);
  const writers = references - held;
  demand(writers >= 0 && writers <= WRITERS, `${references} references for ${held} packets`);
}

function demand(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}
