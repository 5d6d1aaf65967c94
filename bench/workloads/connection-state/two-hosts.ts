// Two hosts of the simulator joined by a wire that only takes time, with as many vNIC pairs between them as wanted, and
// a frame that is sent on any of them: all share its bytes, so that what grows is the state alone.
import { Clock } from '../../../sim/clock.ts';
import { TwoHostPairs } from '../../../sim/pairs.ts';
import { type Application, DEFAULT_HOST, TransportHost } from '../../../sim/transport-host.ts';
import { swift } from '../../../src/congestion/swift.ts';
import { PIECE_LAST } from '../../../src/packet/pieces.ts';
import { localMemory } from '../../../src/packet/region.ts';
import { SEND_TAKEN } from '../../../src/transport/transport.ts';

export const FLIGHT_MICROS = 50;
/** Longer than any connection waits before it rests; and far from as long as it may rest before it is closed. */
export const REST_MICROS = 10_000_000;
const PATIENCE_MICROS = 10_000_000;
const CHUNKS = 64;
/** Taken over from one measurement to the next: what comes and goes must not be mistaken for state. */
const MEMORIES = [localMemory(CHUNKS), localMemory(CHUNKS)] as const;

export class TwoHosts {
  readonly clock = new Clock(1_000_000);
  readonly hosts: readonly [TransportHost, TransportHost];
  delivered = 0;
  /** Nothing arrives any more. */
  cut = false;
  private readonly waiting: { pair: number; length: number }[] = [];
  private frame = 0;

  constructor(pairs: number, windowPackets: number) {
    const application: Application = {
      received: (_host, _pair, frames) => {
        for (let piece = 0; piece < frames.count; piece++) {
          if (frames.words[piece * 2 + 1]! >= PIECE_LAST) this.delivered++;
        }
      },
      sending: (host) => this.offer(host),
      plain: () => {
        throw new Error('a peer was given up');
      },
    };
    const { payloadBytes: packetBytes } = DEFAULT_HOST;
    const congestion = swift({ packetBytes, maxCwndPackets: windowPackets });
    const host = (self: 0 | 1) =>
      new TransportHost(
        this.clock,
        // It keeps a queue for each of its own pairs: we have none.
        { ...DEFAULT_HOST, windowPackets, pairs: 0, chunks: CHUNKS, memory: MEMORIES[self] },
        new TwoHostPairs(self, 1 - self, { pairs, congestion }),
        application,
        (_peer, slot, bytes) => this.carry(self, slot, bytes),
        self + 1,
      );
    this.hosts = [host(0), host(1)];
  }

  /** Offers the first host a frame for a pair; it goes with its next turn. */
  send(pair: number, length: number): void {
    this.waiting.push({ pair, length });
    this.hosts[0].wake(this.clock.nowMicros);
  }

  /** Until everything offered has been taken, and delivered unless the wire is cut. */
  settle(): void {
    const { clock } = this;
    const goal = this.delivered + this.waiting.length;
    const settled = () => this.waiting.length === 0 && (this.cut || this.delivered >= goal);
    if (!clock.runWhileNot(settled, clock.nowMicros + PATIENCE_MICROS)) throw new Error('not settled');
  }

  /** Until whatever is put away after a time of rest is put away. */
  rest(): void {
    this.clock.runUntil(this.clock.nowMicros + REST_MICROS);
  }

  private offer(host: TransportHost): void {
    if (host !== this.hosts[0]) return;
    const { region, transport } = host;
    if (this.frame === 0) this.frame = frameIn(host);
    let left = 0;
    for (const next of this.waiting) {
      region.retain(this.frame, 1);
      if (transport.send(this.clock.nowMicros, next.pair, this.frame, next.length) === SEND_TAKEN) continue;
      region.release(this.frame);
      this.waiting[left++] = next;
    }
    this.waiting.length = left;
  }

  private carry(from: 0 | 1, slot: number, bytes: Uint8Array): void {
    if (this.cut) return;
    const at = this.clock.nowMicros + FLIGHT_MICROS;
    this.clock.at(at, () => {
      this.hosts[1 - from]!.arrive({ source: 1 + from, slot, bytes, arrivedMicros: at });
    });
  }
}

/** Room for the largest frame, held for ever. */
function frameIn({ region }: TransportHost): number {
  const chunk = region.take();
  if (chunk === 0) throw new Error('no memory for a frame');
  return chunk;
}
