// What acknowledgements measure: of the path that one came by, told to the path table (BIFROST §D), and of what each slot's
// packets met, told to the connection's congestion controller.

import { serialDiff } from '../base/serial.ts';
import { SLOTS } from '../paths/path-table.ts';
import type { AckView } from '../wire/bifrost-ack.ts';
import { RECORD_LENGTH_MASK, type SendWindow } from './send-window.ts';
import type { TransportContext } from './types.ts';

/** Round trips of which the least delay is told: as many as one burst and the wait for the next may take. */
const ROUND_TRIPS = 3;
/** A minute of round trip is a stamp of something else. */
const MAX_SAMPLE_MICROS = 60_000_000;

export class Feedback {
  /** Bytes that the acknowledgement at hand acknowledged, of each slot. */
  readonly ackedBytes = new Float64Array(SLOTS);
  private readonly context: TransportContext;
  /** What `onPath` measured: the total includes the round trip, and that the delay of the fabric. */
  private total = 0;
  private rtt = 0;
  private fabric = 0;
  private readonly sample = {
    nowMicros: 0,
    slot: 0,
    ackedBytes: 0,
    rttMicros: 0,
    fabricMicros: 0,
    endpointMicros: 0,
    hops: 0,
    markedPackets: 0,
    inFlightBytes: 0,
  };
  private readonly loss = { nowMicros: 0, slot: 0, lostBytes: 0, inFlightBytes: 0 };

  constructor(context: TransportContext) {
    this.context = context;
  }

  /** What an acknowledgement says of the path that it came by: all that there is of a connection at rest. */
  onPath(now: number, arrivedAt: number, row: number, ack: AckView): void {
    const { connections, paths } = this.context;
    const peer = connections.peer[row]!;
    const slot = ack.pathId;
    // Table C1: t5 - t1 less t3 - t2 is what the paths are judged by; less t5 - t4 too it is the fabric's delay alone.
    const total = serialDiff(now >>> 0, ack.echoMicros);
    const rtt = total - serialDiff(ack.timestampMicros, ack.nicRxMicros);
    const fabric = rtt - Math.max(0, now - arrivedAt);
    this.total = total;
    this.rtt = rtt;
    this.fabric = fabric;
    if (rtt > 0 && rtt < MAX_SAMPLE_MICROS) paths.onSample(peer, slot, rtt);
    if (fabric > 0 && rtt < MAX_SAMPLE_MICROS)
      paths.onDelays(peer, slot, fabric, total - fabric, ack.hopCount);
    // Only what came back by the slot itself says that it works both ways: the bitmap is that of all slots.
    if (total > 0 && total < MAX_SAMPLE_MICROS) paths.onRoundTrip(peer, slot, now - total, now);
  }

  /** What was acknowledged of each slot, and what was measured on the one that the acknowledgement describes. */
  onAck(now: number, window: SendWindow, ack: AckView): void {
    const { sample, total, rtt, fabric } = this;
    const valid = fabric > 0 && rtt < MAX_SAMPLE_MICROS;
    sample.nowMicros = now;
    for (let slot = 0; slot < SLOTS; slot++) {
      const described = slot === ack.pathId;
      const bytes = this.ackedBytes[slot]!;
      if (bytes === 0 && !described) continue;
      const least = described && valid ? leastOfRound(now, window, slot, rtt, fabric) : 0;
      sample.slot = slot;
      sample.ackedBytes = bytes;
      sample.inFlightBytes = window.slotBytes[slot]!;
      sample.rttMicros = least > 0 ? rtt : 0;
      sample.fabricMicros = least;
      sample.endpointMicros = least > 0 ? total - fabric : 0;
      sample.hops = least > 0 ? ack.hopCount : 0;
      sample.markedPackets = described ? ack.numEce : 0;
      window.congestion.onAck(sample);
    }
  }

  /**
   * Only a gap on the slot proves that the network dropped a packet: one that was overtaken on another, or is asked
   * after, may just be late, and a window halved for that stays small on a path whose delay varies.
   */
  onGap(now: number, window: SendWindow, at: number, slot: number): void {
    const { loss } = this;
    loss.nowMicros = now;
    loss.slot = slot;
    loss.lostBytes = window.records[at + 1]! & RECORD_LENGTH_MASK;
    loss.inFlightBytes = window.slotBytes[slot]!;
    window.congestion.onLoss(loss);
  }
}

/**
 * The least delay of the fabric in some round trips of the slot when they are over, or else 0. A frame is sent as one burst of
 * up to 64 KB: its later packets wait for its earlier ones, and on a slow link for longer than a congested queue would
 * make them. What the least of a round has waited for was there before.
 */
function leastOfRound(now: number, window: SendWindow, slot: number, rtt: number, fabric: number): number {
  const least = Math.min(window.leastFabricMicros[slot]!, fabric);
  if (now - window.roundSince[slot]! < ROUND_TRIPS * rtt) {
    window.leastFabricMicros[slot] = least;
    return 0;
  }
  window.roundSince[slot] = now;
  window.leastFabricMicros[slot] = Number.POSITIVE_INFINITY;
  return least;
}
