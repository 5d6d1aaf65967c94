// The story that the demo tells, wherever it is told: Redis between two tenants over the kernel's VXLAN and over
// Selvage, on a healthy network and on two that are not.
import type { Progress } from '../testbed.ts';

export type Situation = 'healthy' | 'loss' | 'silent-spine';
export type Teller = 'kernelVxlan' | 'selvage';

export interface Row {
  readonly situation: Situation;
  readonly peer: Teller;
  /** Undefined: the load did not end in time. */
  readonly load: LoadFigures | undefined;
  /** Of the connections that watched: requests that came to an end, and how many of these failed. */
  readonly watched: number;
  readonly failed: number;
  /** Between two answers on one of these connections. */
  readonly longestGapMillis: number;
  /** The spine that fell silent. */
  readonly spine?: string;
}

export interface LoadFigures {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Millis: number;
  readonly p99Millis: number;
  readonly p999Millis: number;
  readonly maxMillis: number;
}

export interface Told {
  /** Where it took place, in a few words. */
  readonly stage: string;
  readonly quick: boolean;
  /** Whose requests `failed` and the longest gap speak of. */
  readonly watchers: string;
  readonly rows: readonly Row[];
  /** What a reader must know to understand the figures, and what could not be shown and why. */
  readonly notes: readonly string[];
}

export interface TellOptions {
  readonly quick: boolean;
  readonly progress: Progress;
}

export type Story = (options: TellOptions) => Promise<Told>;
