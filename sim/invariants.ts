// What holds for a transport at any time, and what holds when nothing is left to do. Throws with a sentence.

import type { Region } from '../src/packet/region.ts';
import { CHUNK_BYTES } from '../src/packet/region.ts';
import { SLOTS } from '../src/paths/path-table.ts';
import { CONNECTION_ESTABLISHED } from '../src/transport/connections.ts';
import { RECEIVE_PACKETS, type ReceiveWindow } from '../src/transport/receive-window.ts';
import {
  RECORD_ACKED,
  RECORD_LENGTH_MASK,
  RECORD_LOST,
  RECORD_SLOT_MASK,
  RECORD_SLOT_SHIFT,
  RECORD_WORDS,
  type SendWindow,
} from '../src/transport/send-window.ts';
import type { TransportHost } from './transport-host.ts';

/** Writers that keep a chunk of their own: frames, underlay, held packets. */
const WRITERS = 3;

/** State is bounded and its sums are right; between turns. */
export function checkState({ transport, options }: TransportHost): void {
  const { connections } = transport;
  for (let row = 0; row < connections.count; row++) {
    const open = connections.state[row] === CONNECTION_ESTABLISHED;
    const send = connections.send[row];
    const receive = connections.receive[row];
    demand((send !== undefined) === open && (receive !== undefined) === open, 'windows do not fit the state');
    if (send !== undefined) checkSendWindow(send, options.windowPackets);
    if (receive !== undefined) checkReceiveWindow(receive);
  }
}

function checkSendWindow(window: SendWindow, windowPackets: number): void {
  const { frameStart, una, txNext, next, records, mask } = window;
  demand(window.span <= windowPackets, `the send window spans ${window.span} packets`);
  const ordered = [(una - frameStart) | 0, (txNext - una) | 0, (next - txNext) | 0];
  demand(Math.min(...ordered) >= 0, `PSNs are out of order: ${[frameStart, una, txNext, next]}`);
  const inFlight = new Array<number>(SLOTS).fill(0);
  let bytes = 0;
  let lost = 0;
  for (let psn = una; psn !== next; psn = (psn + 1) >>> 0) {
    const word = records[(psn & mask) * RECORD_WORDS + 1]!;
    const sent = ((psn - txNext) | 0) < 0;
    if (sent && (word & RECORD_ACKED) !== 0) continue;
    bytes += word & RECORD_LENGTH_MASK;
    if (!sent) continue;
    if ((word & RECORD_LOST) !== 0) lost++;
    else inFlight[(word & RECORD_SLOT_MASK) >>> RECORD_SLOT_SHIFT]!++;
  }
  demand(
    bytes === window.inFlightBytes,
    `${window.inFlightBytes} bytes are said to be in flight, not ${bytes}`,
  );
  demand(`${inFlight}` === `${[...window.inFlight]}`, `in flight: ${[...window.inFlight]}, not ${inFlight}`);
  demand(lost <= window.lostCount, 'a lost packet is not queued to be sent again');
}

function checkReceiveWindow(window: ReceiveWindow): void {
  const { delivered, complete, base, end, held } = window;
  const spans = [(complete - delivered) | 0, (base - complete) | 0, (end - base) | 0];
  demand(Math.min(...spans) >= 0, `receive PSNs are out of order: ${[delivered, complete, base, end]}`);
  demand((end - delivered) >>> 0 <= RECEIVE_PACKETS, `${(end - delivered) >>> 0} packets are held`);
  const span = (end - delivered) >>> 0;
  let places = 0;
  for (let i = 1; i < held.length; i += 2) if (held[i] !== 0) places++;
  demand(places <= span, `${places} places are taken within ${span} PSNs`);
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
  checkReferences(host.region);
}

function checkReferences(region: Region): void {
  let inUse = 0;
  for (let chunk = 1; chunk < region.chunks; chunk++) {
    const references = region.references(chunk * CHUNK_BYTES);
    demand(references <= 1, `chunk ${chunk} has ${references} references`);
    inUse += references;
  }
  demand(inUse <= WRITERS, `${inUse} chunks are in use`);
  demand(inUse + region.free === region.chunks - 1, `${region.free} of ${region.chunks} chunks are free`);
}

function demand(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}
