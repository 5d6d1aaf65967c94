// What an emulator process is told when it is started, and what is in its files.
import type { DirectionParameters } from './model/parameters.ts';
import type { Discipline, QueueLimit } from './model/queue.ts';

export interface EmulatorSpec {
  /** The TAPs to make; a namespace that is absent is the caller's own. */
  readonly ends: readonly [TapEnd, TapEnd];
  readonly mtu: number;
  /** WrittenParameters as JSON. */
  readonly parametersFile: string;
  /** WrittenCounts as JSON, written while they change. */
  readonly countsFile: string;
  /** The process ends when its standard input does. */
  readonly endsWithInput: boolean;
  /** For what happens at random. */
  readonly seed: number;
  /** Where to write queue lengths and departures as CSV; the names are those of the directions. */
  readonly log?: { readonly file: string; readonly names: readonly [string, string] };
  /** Where to write the reports of both directions as JSON, when the input ends. */
  readonly reportFile?: string;
}

export interface TapEnd {
  readonly netns?: string;
  readonly tap: string;
}

/** Of what goes from the first end to the second, and back. */
export type WrittenParameters = readonly [WrittenDirection, WrittenDirection];
export type WrittenCounts = readonly [DirectionCounts, DirectionCounts];
export type WrittenReports = readonly [DirectionReport, DirectionReport];

/** What is absent is unlimited, as JSON has no Infinity; with neither rate nor trace packets take no time to send. */
export interface WrittenDirection {
  readonly delayMicros: number;
  readonly jitterMicros?: number;
  readonly lossPpm?: number;
  readonly rateBitsPerSecond?: number;
  readonly traceMillis?: readonly number[];
  readonly discipline?: Discipline;
  readonly queuePackets?: number;
  readonly queueBytes?: number;
  readonly ecn?: true;
  readonly markAbovePackets?: number;
  readonly markAboveBytes?: number;
}

export interface DirectionCounts {
  readonly delivered: number;
  readonly dropped: number;
}

export interface DirectionReport {
  readonly arrivedPackets: number;
  readonly deliveredPackets: number;
  /** By the queue. */
  readonly droppedPackets: number;
  /** At random. */
  readonly lostPackets: number;
  /** By the queue, instead of a drop or by its length. */
  readonly markedPackets: number;
  /** Before the emulator had read them: it was too slow, and the link was not what it should have been. */
  readonly missedPackets: number;
  /** From the first arrival until the last packet was sent. */
  readonly seconds: number;
  /** In Ethernet frames; behind a trace as it counts them, 1504 bytes for a full packet. */
  readonly throughputBitsPerSecond: number;
  /** What the link could have carried in that time; absent when it is unlimited. */
  readonly capacityBitsPerSecond?: number;
  /** From the arrival of a packet until its last bit was sent. */
  readonly queueingDelayMillis: { readonly median: number; readonly p95: number; readonly max: number };
}

export function toParameters(written: WrittenDirection): DirectionParameters {
  const {
    delayMicros,
    jitterMicros = 0,
    lossPpm = 0,
    rateBitsPerSecond,
    traceMillis,
    discipline = 'fifo',
    ecn = false,
  } = written;
  const { queuePackets, queueBytes, markAbovePackets, markAboveBytes } = written;
  const link =
    traceMillis === undefined
      ? { bitsPerSecond: rateBitsPerSecond ?? Number.POSITIVE_INFINITY }
      : { trace: traceMillis };
  const limit = limitOf(queuePackets, queueBytes);
  const markAbove = limitOf(markAbovePackets, markAboveBytes);
  return { delayMicros, jitterMicros, lossPpm, link, discipline, limit, ecn, markAbove };
}

function limitOf(packets = Number.POSITIVE_INFINITY, bytes = Number.POSITIVE_INFINITY): QueueLimit {
  return { packets, bytes };
}
