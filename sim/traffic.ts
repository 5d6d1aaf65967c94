// Frames of many sizes in both directions, kept in ledgers: the application of the transport's random tests.

import { below, type Rng, SeededRng } from '../src/base/rng.ts';
import { PieceList } from '../src/packet/pieces.ts';
import { MAX_FRAME_BYTES, MIN_FRAME_BYTES, readFrame } from './frames.ts';
import { Ledger } from './ledger.ts';
import type { Application, TransportHost } from './transport-host.ts';
import { type Direction, type PairOptions, TransportPair } from './transport-pair.ts';

/** Frames a pair may have in its queue in front of the transport. */
const QUEUED_FRAMES = 32;

export class Traffic implements Application {
  readonly network: TransportPair;
  /** Of each direction, one a pair. */
  readonly ledgers: readonly [readonly Ledger[], readonly Ledger[]];
  /** Lengths of frames still to be offered, of each direction, one list a pair. */
  private readonly backlog: readonly [readonly number[][], readonly number[][]];
  private readonly rng: Rng;

  constructor(options: PairOptions) {
    this.rng = new SeededRng(options.seed ^ 0x7aff1c);
    this.network = new TransportPair(options, this);
    const { pairs } = this.network.hosts[0].options;
    const each = <T>(make: () => T) => Array.from({ length: pairs }, make);
    const ledger = () => new Ledger(this.network.hosts[0].options.reorder);
    this.ledgers = [each(ledger), each(ledger)];
    this.backlog = [each(() => []), each(() => [])];
  }

  /** Lets a host send frames of these lengths from now on, as fast as it may. */
  send(direction: Direction, pair: number, lengths: readonly number[]): void {
    this.backlog[direction][pair]!.push(...lengths);
    const { clock, hosts } = this.network;
    hosts[direction].wake(clock.nowMicros);
  }

  /** Lets a host send some frames of random lengths at a time to come. */
  sendLater(atMicros: number, direction: Direction, pair: number, frames: number): void {
    const lengths = Array.from({ length: frames }, () => randomLength(this.rng));
    this.network.clock.at(atMicros, () => this.send(direction, pair, lengths));
  }

  /** The host and what it had is gone; another takes its place. */
  restart(direction: Direction): void {
    this.network.hosts[direction].restart();
    for (const ledger of this.ledgers[direction]) ledger.senderForgot();
    // The other host does not learn which of its frames were taken in before.
    for (const ledger of this.ledgers[1 - direction]!) ledger.repeatsAllowed = true;
    this.network.hosts[direction].wake(this.network.clock.nowMicros);
  }

  /** Frames that must still arrive, in queues as well as on their way. */
  get missing(): number {
    const unsent = this.backlog.flat().reduce((sum, lengths) => sum + lengths.length, 0);
    return this.ledgers.flat().reduce((sum, ledger) => sum + ledger.missing, unsent);
  }

  received(host: TransportHost, pair: number, frames: PieceList): void {
    const from = 1 - this.network.indexOf(host);
    this.ledgers[from]![pair]!.receive(host.region, frames);
  }

  sending(host: TransportHost): void {
    const direction = this.network.indexOf(host);
    for (const [pair, lengths] of this.backlog[direction].entries()) {
      const ledger = this.ledgers[direction][pair]!;
      while (lengths.length > 0 && host.waiting(pair) < QUEUED_FRAMES) {
        if (!host.offer(pair, lengths[0]!, ledger.write(lengths[0]!))) {
          ledger.unwrite();
          return;
        }
        lengths.shift();
      }
    }
  }

  plain(host: TransportHost, pair: number, offset: number, length: number): void {
    one.clear();
    one.push(offset, length);
    one.endFrame();
    this.ledgers[this.network.indexOf(host)][pair]!.wentPlain(readFrame(host.region, one, 0).number);
  }
}

const one = new PieceList(1);

/** Mostly small ones and full packets, some super-frames, now and then the largest. */
function randomLength(rng: Rng): number {
  switch (below(rng, 8)) {
    case 0:
      return MAX_FRAME_BYTES - below(rng, 64);
    case 1:
    case 2:
      return MIN_FRAME_BYTES + below(rng, 30_000);
    case 3:
      return 1350 + below(rng, 120);
    default:
      return MIN_FRAME_BYTES + below(rng, 300);
  }
}
