// Faults on purpose, inside the host: `--fault loss=0-2%,refuse=1%,seed=7` loses packets between the underlay's socket
// and the connection, or has a vNIC refuse frames, as a full one does. For tests and benchmarks; without the option the
// devices are left as they are. A share that is a range is drawn anew every second.

import { SelvageError } from '../base/errors.ts';
import { SeededRng } from '../base/rng.ts';
import { type FaultRates, FaultyUnderlay, FaultyVnic } from '../device/faults.ts';
import { type FrameDevice, isFlowDevice, type UnderlayDevice } from '../packet/device.ts';
import type { Region } from '../packet/region.ts';

const KINDS = ['loss', 'duplicate', 'corrupt', 'reorder', 'refuse'] as const;
type Kind = (typeof KINDS)[number];

export interface FaultPlan {
  readonly seed: number;
  /** The lowest and the highest share of each kind, 0 to 1. */
  readonly ranges: Readonly<Partial<Record<Kind, readonly [low: number, high: number]>>>;
}

const CHANGE_MICROS = 1_000_000;

/** Throws SelvageError 'bad-input' for what is not a list of faults. */
export function parseFaults(text: string): FaultPlan {
  const ranges: Partial<Record<Kind, readonly [number, number]>> = {};
  let seed = 1;
  for (const part of text.split(',')) {
    const [, name = '', low = '', high = low, percent = ''] =
      /^(\w+)=(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?(%?)$/.exec(part.trim()) ?? [];
    const kind = KINDS.find((each) => each === name);
    const range = [Number(low) / 100, Number(high) / 100] as const;
    if (name === 'seed' && percent === '' && high === low) seed = Number(low);
    else if (kind !== undefined && percent === '%' && range[0] <= range[1] && range[1] <= 1)
      ranges[kind] = range;
    else {
      throw new SelvageError('bad-input', `“${part}” is not a fault.`, {
        hint: `Write shares like loss=1% or loss=0-2%, and seed=7; there are ${KINDS.join(', ')}.`,
      });
    }
  }
  return { seed, ranges };
}

export function injectFaults(
  { vnics, underlay }: { readonly vnics: readonly FrameDevice[]; readonly underlay: UnderlayDevice },
  { seed, ranges }: FaultPlan,
  region: Region,
  clock: () => number,
): { vnics: readonly FrameDevice[]; underlay: UnderlayDevice } {
  const rng = new SeededRng(seed);
  const draw = () => new SeededRng(rng.u32());
  const { refuse, ...arriving } = ranges;
  return {
    vnics:
      refuse === undefined
        ? vnics
        : vnics.map((vnic) =>
            // A native endpoint refuses frames in its own way.
            isFlowDevice(vnic)
              ? vnic
              : new FaultyVnic(vnic, region, draw(), new ChangingRates({ refuse }, draw(), clock)),
          ),
    underlay: new FaultyUnderlay(underlay, region, draw(), new ChangingRates(arriving, draw(), clock)),
  };
}

/** Rates within their ranges, drawn anew every second. */
export class ChangingRates implements FaultRates {
  private readonly ranges: FaultPlan['ranges'];
  private readonly rng: SeededRng;
  private readonly clock: () => number;
  private readonly rates = new Map<Kind, number>();
  private changeAt = Number.NEGATIVE_INFINITY;

  constructor(ranges: FaultPlan['ranges'], rng: SeededRng, clock: () => number) {
    this.ranges = ranges;
    this.rng = rng;
    this.clock = clock;
  }

  get lossRate(): number {
    return this.now('loss');
  }

  get duplicationRate(): number {
    return this.now('duplicate');
  }

  get corruptionRate(): number {
    return this.now('corrupt');
  }

  get reorderRate(): number {
    return this.now('reorder');
  }

  get refusalRate(): number {
    return this.now('refuse');
  }

  private now(kind: Kind): number {
    const now = this.clock();
    if (now >= this.changeAt) {
      this.changeAt = now + CHANGE_MICROS;
      for (const each of KINDS) {
        const [low, high] = this.ranges[each] ?? [0, 0];
        this.rates.set(each, low + (high - low) * (this.rng.u32() / 0x1_0000_0000));
      }
    }
    return this.rates.get(kind)!;
  }
}
