// What a data thread is told of the congestion control plane, and what it says of it: plain data.

import type { AlgorithmLink, FlowRule, PlaneLinks } from '../../congestion/plane/links.ts';
import { MessageRing } from '../../congestion/plane/message-ring.ts';
import type { PlaneCounters } from '../../congestion/plane/plane-state.ts';
import type { Switch } from '../../vswitch/switch.ts';
import { Bell } from './bell.ts';

/** A link as it travels to the data thread. */
export interface LinkStart {
  readonly id: number;
  readonly algorithm: string;
  readonly toAlgorithm: SharedArrayBuffer;
  readonly fromAlgorithm: SharedArrayBuffer;
  readonly bell: SharedArrayBuffer;
}

/** All that holds from now on. */
export interface PlaneChange {
  readonly links: readonly LinkStart[];
  readonly rules: readonly FlowRule[];
  readonly endings: Readonly<Record<string, string>>;
}

export interface PlaneReport {
  readonly counters: PlaneCounters;
  /** Of each algorithm that was asked for. */
  readonly algorithms: readonly AlgorithmReport[];
}

export interface AlgorithmReport {
  readonly algorithm: string;
  /** Slots in use that it decides over, and that fell back. */
  readonly controlled: number;
  readonly fallback: number;
  /** Of the last one that fell back; '' if none did. */
  readonly detail: string;
}

export function planeReport({ plane }: Switch, algorithms: readonly string[]): PlaneReport {
  return {
    counters: { ...plane.counters },
    algorithms: algorithms.map((algorithm) => ({
      algorithm,
      ...plane.flowsOf(algorithm),
      detail: plane.troubles.get(algorithm)?.detail ?? '',
    })),
  };
}

/** Links that stay are kept: their rings have indexes of their own. */
export function applyPlaneChange(links: PlaneLinks, change: PlaneChange): void {
  const known = new Map(links.links.map((link) => [link.id, link]));
  links.links = change.links.map((start) => known.get(start.id) ?? linkOf(start));
  links.rules = change.rules;
  links.endings = change.endings;
}

function linkOf({ id, algorithm, toAlgorithm, fromAlgorithm, bell }: LinkStart): AlgorithmLink {
  const rings = { toAlgorithm: new MessageRing(toAlgorithm), fromAlgorithm: new MessageRing(fromAlgorithm) };
  const rung = new Bell(bell);
  return { id, algorithm, ...rings, ring: () => rung.ring() };
}
