// What a direction of a link is like, and the queue and the transmitter that make it so.
import type { Rng } from '../../../src/base/rng.ts';
import { Codel } from './codel.ts';
import { Fifo } from './fifo.ts';
import { FqCodel } from './fq-codel.ts';
import { type Discipline, FULL_FRAME_BYTES, type Queue, type QueueHost, type QueueLimit } from './queue.ts';
import { Red } from './red.ts';
import { Sfq } from './sfq.ts';
import { meanBitsPerSecond, type TraceMillis } from './trace.ts';
import { RateTransmitter, TraceTransmitter, type Transmitter, type TransmitterHost } from './transmitter.ts';

export interface DirectionParameters {
  readonly delayMicros: number;
  /** Each packet takes longer by a random part of this; none overtakes another. */
  readonly jitterMicros: number;
  /** Of the packets that were sent. */
  readonly lossPpm: number;
  /** Infinity: packets take no time to send. */
  readonly link: { readonly bitsPerSecond: number } | { readonly trace: TraceMillis };
  readonly discipline: Discipline;
  /** For `red` finite in packets or in bytes. */
  readonly limit: QueueLimit;
  /** Packets whose senders listen to marks are marked where the discipline would drop them early (RFC 3168 §5). */
  readonly ecn: boolean;
  /** They are marked, too, when they find more than this. */
  readonly markAbove: QueueLimit;
}

export function makeQueue(
  host: QueueHost,
  { discipline, limit, link }: DirectionParameters,
  rng: Rng,
): Queue {
  switch (discipline) {
    case 'fifo':
      return new Fifo(host, limit);
    case 'sfq':
      return new Sfq(host, limit);
    case 'codel':
      return new Codel(host, limit);
    case 'fq_codel':
      return new FqCodel(host, limit);
    case 'red':
      return new Red(host, limit, (FULL_FRAME_BYTES * 8e6) / bitsPerSecond(link), rng);
  }
}

/** `inService` is a packet whose sending begins anew; -1: none. */
export function makeTransmitter(
  host: TransmitterHost,
  { link }: DirectionParameters,
  startMicros: number,
  inService: number,
): Transmitter {
  return 'trace' in link
    ? new TraceTransmitter(host, link.trace, startMicros, inService)
    : new RateTransmitter(host, link.bitsPerSecond, startMicros, inService);
}

function bitsPerSecond(link: DirectionParameters['link']): number {
  return 'trace' in link ? meanBitsPerSecond(link.trace) : link.bitsPerSecond;
}

/** Whether the discipline drops packets to say that it is congested, before it is full: those it can mark instead. */
export function dropsEarly(discipline: Discipline): boolean {
  return discipline === 'codel' || discipline === 'fq_codel' || discipline === 'red';
}

/** Whether the discipline asks for the flow that a packet belongs to. */
export function keepsFlowsApart(discipline: Discipline): boolean {
  return discipline === 'sfq' || discipline === 'fq_codel';
}
