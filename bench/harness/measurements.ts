// All that a benchmark measured: for each peer and case the values of each metric, one a round.
import type { PeerName } from '../peers/peer.ts';
import { type Summary, summarize } from './statistics.ts';

/** Values by metric, such as `{ gbitPerSecond: 9.1 }`. */
export type Values = Readonly<Record<string, number>>;

export class Measurements {
  private readonly samples = new Map<PeerName, Map<string, Map<string, number[]>>>();

  record(peer: PeerName, situation: string, values: Values): void {
    const situations = getOrAdd(this.samples, peer, () => new Map<string, Map<string, number[]>>());
    const metrics = getOrAdd(situations, situation, () => new Map<string, number[]>());
    for (const [metric, value] of Object.entries(values)) getOrAdd(metrics, metric, () => []).push(value);
  }

  /** In the order in which they were first recorded. */
  situations(peer: PeerName): string[] {
    return [...(this.samples.get(peer)?.keys() ?? [])];
  }

  /** Undefined where nothing was recorded. */
  summary(peer: PeerName, situation: string, metric: string): Summary | undefined {
    const values = this.samples.get(peer)?.get(situation)?.get(metric);
    return values && summarize(values);
  }

  median(peer: PeerName, situation: string, metric: string): number | undefined {
    return this.summary(peer, situation, metric)?.median;
  }

  /** Over all rounds. */
  total(peer: PeerName, situation: string, metric: string): number {
    const values = this.samples.get(peer)?.get(situation)?.get(metric) ?? [];
    return values.reduce((sum, value) => sum + value, 0);
  }

  /** peer → case → metric → median, min and max. */
  toJSON(): Record<string, Record<string, Record<string, Summary>>> {
    const result: Record<string, Record<string, Record<string, Summary>>> = {};
    for (const [peer, situations] of this.samples) {
      result[peer] = {};
      for (const [situation, metrics] of situations) {
        const entries = [...metrics].map(([metric, values]) => [metric, summarize(values)] as const);
        result[peer][situation] = Object.fromEntries(entries);
      }
    }
    return result;
  }
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
