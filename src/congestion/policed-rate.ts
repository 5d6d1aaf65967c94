// What a receiver's rate limit leaves of a connection (BIFROST §7.1), learned from its marks. They are of another kind
// than those of a fabric: no queue is behind them whose delay would grow; the limit is that of a vNIC, whatever paths lead
// there; it stays; and it may be far below a packet a round trip, where windows grow back at once. So marks set a rate,
// for all slots together, and time sets it free again, not round trips: as in CUBIC (RFC 9438 §4.2) it comes back to
// where it was marked, stays near there, and then probes beyond. Within it, another algorithm governs each slot.

import { MAX_PATH_ID } from '../wire/bifrost-types.ts';
import type { AckSample, CongestionAlgorithm, CongestionController, LossSample } from './controller.ts';

/** The rate is measured over this time at least: some of the largest frames at a hundred megabits. */
const MEASURING_MICROS = 20_000;
/** It is lowered no more often. */
const PATIENCE_MICROS = 5000;
const DECREASE = 0.3;
/** From a mark until the rate may be what it was. */
const RECOVERY_MICROS = 500_000;
/** After so many times as long without another mark there is no limit. */
const FORGOTTEN = 10;
/** A slot that was used within this time has its share of the rate. */
const SHARING_MICROS = 50_000;
const SMOOTHING = 1 / 8;
const SLOTS = MAX_PATH_ID + 1;

/** The algorithm, bounded by what marks tell of. */
export function policed(algorithm: CongestionAlgorithm): CongestionAlgorithm {
  const create = () => {
    const within = algorithm.create();
    return within.rateBytesPerSecond === undefined ? new Policed(within) : new PolicedAndPaced(within);
  };
  return { ...algorithm, create };
}

class Policed implements CongestionController {
  protected readonly within: CongestionController;
  private readonly rate = new PolicedRate();
  /** Of each slot: smoothed round trip, and when something was acknowledged. */
  private readonly rtt = new Float64Array(SLOTS);
  private readonly ackedAt = new Float64Array(SLOTS).fill(Number.NEGATIVE_INFINITY);
  private sharing = 1;
  /** Of whichever slot was measured last. */
  private anyRtt = 0;

  constructor(within: CongestionController) {
    this.within = within;
  }

  onAck(sample: AckSample): void {
    const { nowMicros, slot, ackedBytes, markedPackets, rttMicros } = sample;
    if (ackedBytes > 0) this.ackedAt[slot] = nowMicros;
    if (rttMicros > 0) {
      const average = this.rtt[slot]!;
      this.anyRtt = average === 0 ? rttMicros : average + SMOOTHING * (rttMicros - average);
      this.rtt[slot] = this.anyRtt;
    }
    this.rate.onAck(nowMicros, ackedBytes, markedPackets > 0, this.anyRtt);
    if (this.rate.bytesPerSecond < Number.POSITIVE_INFINITY) this.share(nowMicros);
    this.within.onAck(sample);
  }

  onLoss(sample: LossSample): void {
    this.within.onLoss(sample);
  }

  onTimeout(slot: number, nowMicros: number): void {
    this.within.onTimeout(slot, nowMicros);
  }

  cwndBytes(slot: number): number {
    const cwnd = this.within.cwndBytes(slot);
    const rate = this.rate.bytesPerSecond;
    if (rate === Number.POSITIVE_INFINITY) return cwnd;
    return Math.min(cwnd, (rate * (this.rtt[slot]! || this.anyRtt)) / 1e6 / this.sharing);
  }

  close(): void {
    this.within.close?.();
  }

  pacingBytesPerSecond(slot: number): number {
    return Math.min(this.within.pacingBytesPerSecond(slot), this.rate.bytesPerSecond / this.sharing);
  }

  private share(nowMicros: number): void {
    this.sharing = 0;
    for (let slot = 0; slot < SLOTS; slot++)
      if (nowMicros - this.ackedAt[slot]! < SHARING_MICROS) this.sharing++;
    this.sharing = Math.max(1, this.sharing);
  }
}

/** What is within has rates of its own; the others need not be asked for each frame. */
class PolicedAndPaced extends Policed {
  rateBytesPerSecond(slot: number): number {
    return this.within.rateBytesPerSecond!(slot);
  }
}

export class PolicedRate {
  /** Infinity: nothing is known of a limit. */
  bytesPerSecond = Number.POSITIVE_INFINITY;
  private markedRate = Number.POSITIVE_INFINITY;
  private markedAt = Number.NEGATIVE_INFINITY;
  private measured = 0;
  private measuringSince = Number.NEGATIVE_INFINITY;
  private bytes = 0;
  private heardAt = Number.NEGATIVE_INFINITY;

  /** `marked` says that some packets were dropped or marked. */
  onAck(nowMicros: number, ackedBytes: number, marked: boolean, rttMicros: number): void {
    this.measure(nowMicros, ackedBytes);
    // What was on its way when the rate was lowered is marked still.
    if (marked && nowMicros - this.markedAt >= Math.max(PATIENCE_MICROS, 2 * rttMicros)) {
      const rate = this.rate(nowMicros);
      // A mark may come before what was acknowledged with it, as each slot is told of its own.
      if (rate > 0) {
        this.markedRate = rate;
        this.markedAt = nowMicros;
      }
    }
    if (this.markedRate === Number.POSITIVE_INFINITY) return;
    const phase = (nowMicros - this.markedAt) / RECOVERY_MICROS - 1;
    if (phase > FORGOTTEN) this.markedRate = Number.POSITIVE_INFINITY;
    this.bytesPerSecond = this.markedRate * (1 + DECREASE * phase ** 3);
  }

  /** What was measured, as far as it goes: at low rates a few frames are all that there is. */
  private rate(nowMicros: number): number {
    const elapsed = Math.max(MEASURING_MICROS, nowMicros - this.measuringSince);
    const measured = Math.max(this.measured, (this.bytes * 1e6) / elapsed);
    const limit = this.bytesPerSecond;
    if (limit === Number.POSITIVE_INFINITY) return measured;
    return Math.min(limit, Math.max(measured, limit * (1 - DECREASE)));
  }

  /** A pause is not a low rate: it begins anew after one. */
  private measure(nowMicros: number, ackedBytes: number): void {
    const elapsed = nowMicros - this.measuringSince;
    if (nowMicros - this.heardAt > MEASURING_MICROS) {
      this.measured = 0;
      this.bytes = 0;
      this.measuringSince = nowMicros;
    } else if (elapsed >= MEASURING_MICROS) {
      this.measured = (this.bytes * 1e6) / elapsed;
      this.bytes = 0;
      this.measuringSince = nowMicros;
    }
    this.heardAt = nowMicros;
    this.bytes += ackedBytes;
  }
}
