// A simulated host's part of the congestion control plane: algorithms beside the switch, as far away as a thread is, each
// way. One of them can be made to hang, as an endless loop does.

import type { Algorithm } from '../../src/congestion/algorithm.ts';
import { AlgorithmServer } from '../../src/congestion/plane/algorithm-server.ts';
import { type FlowRule, PlaneLinks } from '../../src/congestion/plane/links.ts';
import { MessageRing, newRingMemory } from '../../src/congestion/plane/message-ring.ts';
import { Progress } from '../../src/congestion/plane/progress.ts';
import type { Clock } from '../clock.ts';

/** CCP §4.6.2 measured some 30 µs. */
const DELAY_MICROS = 40;
/** Until commands that had no room are tried again. */
const RETRY_MICROS = 10_000;

export class HostPlane {
  readonly links = new PlaneLinks();
  readonly troubles: string[] = [];
  /** The switch is to look for commands. */
  wakeHost: () => void = () => {};
  private readonly clock: Clock;
  private readonly hung = new Set<string>();
  /** By name: has an algorithm take in what waits. */
  private readonly serving = new Map<string, () => void>();
  private lastLink = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** In place of one of the same name, if there is one. */
  run(algorithm: Algorithm): void {
    const { clock, links } = this;
    const { name } = algorithm;
    const id = ++this.lastLink;
    const start = { id, toAlgorithm: newRingMemory(), fromAlgorithm: newRingMemory(), wake: { fd: -1 } };
    const server = new AlgorithmServer(algorithm, new Progress(), {
      wake: () => clock.after(DELAY_MICROS, () => this.wakeHost()),
      trouble: (message) => this.troubles.push(message),
    });
    server.attach(start);
    let isRetrying = false;
    const serve = () => {
      while (!this.hung.has(name) && server.serve());
      if (isRetrying || !server.isHeldUp) return;
      isRetrying = true;
      clock.after(RETRY_MICROS, () => {
        isRetrying = false;
        serve();
      });
    };
    const link = {
      id,
      algorithm: name,
      toAlgorithm: new MessageRing(start.toAlgorithm),
      fromAlgorithm: new MessageRing(start.fromAlgorithm),
      ring: () => clock.after(DELAY_MICROS, serve),
    };
    this.hung.delete(name);
    this.serving.set(name, serve);
    links.links = [...links.links.filter((other) => other.algorithm !== name), link];
  }

  /** Its thread was ended. */
  end(name: string, why: string): void {
    const { links } = this;
    links.links = links.links.filter(({ algorithm }) => algorithm !== name);
    links.endings = { ...links.endings, [name]: why };
  }

  hang(name: string): void {
    this.hung.add(name);
  }

  /** It was only late. */
  resume(name: string): void {
    this.hung.delete(name);
    this.serving.get(name)?.();
  }

  set(rules: readonly FlowRule[]): void {
    this.links.rules = rules;
  }
}
