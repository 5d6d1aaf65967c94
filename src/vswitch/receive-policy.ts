// What a vNIC takes of what comes for it (BIFROST §7.1): rules say which frames, a token bucket how much. Both drop what
// has already been acknowledged, on purpose: the network did its work, and no retransmission would change the answer.
//
// The bucket may go into debt by one frame, or frames larger than it would never pass; the next is dropped until it is
// paid. While it is less than half full and emptying, frames pass and are marked as if they had been dropped: whoever
// slows down at a mark loses nothing.

import type { Bytes } from '../base/bytes.ts';
import type { PortConfig } from './config.ts';
import { ReceiveRules } from './receive-rules.ts';

/** What may come at once after a pause: this much time of the rate, or some of the largest frames. */
const BURST_MICROS = 100_000;
const MIN_BURST_BYTES = 256 << 10;
const MARKED_BELOW = 0.5;

export type PolicyDropReason = 'notAccepted' | 'overRate';

/** Of the bucket. */
export interface ReceivePolicyState {
  readonly tokens: number;
  readonly filledAt: number;
  readonly level: number;
}

export class ReceivePolicy {
  private readonly rules: ReceiveRules | undefined;
  private readonly bytesPerMicro: number;
  private readonly burst: number;
  private tokens: number;
  private filledAt: number;
  /** What was in the bucket when the last frame came. */
  private level: number;
  /** Whether the frame judged last was dropped or marked by the rate. */
  isMarked = false;

  constructor({ accept, receiveBytesPerSecond }: PortConfig, nowMicros: number, old?: ReceivePolicyState) {
    this.rules = accept === undefined ? undefined : new ReceiveRules(accept);
    this.bytesPerMicro = (receiveBytesPerSecond ?? Number.POSITIVE_INFINITY) / 1e6;
    this.burst = Math.max(MIN_BURST_BYTES, this.bytesPerMicro * BURST_MICROS);
    this.tokens = old?.tokens ?? this.burst;
    this.filledAt = old?.filledAt ?? nowMicros;
    this.level = old?.level ?? this.burst;
  }

  save(): ReceivePolicyState {
    const { tokens, filledAt, level } = this;
    return { tokens, filledAt, level };
  }

  /** Why the Ethernet frame at `at` is dropped, or undefined; its first `here` of `length` bytes are here. */
  reject(now: number, bytes: Bytes, at: number, here: number, length: number): PolicyDropReason | undefined {
    this.isMarked = false;
    if (this.rules !== undefined && !this.rules.accepts(bytes, at, here, length)) return 'notAccepted';
    if (this.bytesPerMicro === Number.POSITIVE_INFINITY) return undefined;
    this.tokens = Math.min(this.burst, this.tokens + (now - this.filledAt) * this.bytesPerMicro);
    this.filledAt = now;
    this.isMarked = this.tokens < Math.min(this.level, this.burst * MARKED_BELOW);
    this.level = this.tokens;
    if (this.tokens <= 0) {
      this.isMarked = true;
      return 'overRate';
    }
    this.tokens -= length;
    return undefined;
  }
}
