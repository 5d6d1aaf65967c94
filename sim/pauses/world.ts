// Hosts around one physical switch, flows between them, receivers that are slow: who is slowed down by whom (Backdraft §6.3,
// figures 13 and 15, table 3). Everything follows from the seed.

import { chance, SeededRng } from '../../src/base/rng.ts';
import { Clock } from '../clock.ts';
import { Core } from './core.ts';
import type { FlowSetup, Packet, PauseWorldOptions } from './packet.ts';
import { PAUSE_WORLD } from './packet.ts';
import { ReceivingHost } from './receiving-host.ts';
import { SendingHost } from './sending-host.ts';

export interface FlowReport {
  readonly bytesPerSecond: number;
  /** At the receiving switch, since the beginning. */
  readonly drops: number;
  readonly mostBytes: number;
}

export class PauseWorld {
  readonly clock = new Clock(0);
  readonly core: Core<Packet>;
  readonly senders: readonly SendingHost[];
  readonly receivers: readonly ReceivingHost[];
  /** Frames that got lost. */
  framesLost = 0;
  private readonly options: PauseWorldOptions;
  private readonly flows: readonly FlowSetup[];
  private readonly rng: SeededRng;

  constructor(options: Partial<PauseWorldOptions>, flows: readonly FlowSetup[]) {
    this.options = { ...PAUSE_WORLD, ...options };
    this.flows = flows;
    this.rng = new SeededRng(this.options.seed);
    const { clock } = this;
    const hosts = Array.from({ length: this.options.hosts }, (_, host) => host);
    const arrive = (host: number, packet: Packet) => this.arrive(host, packet);
    const pause = (host: number, isPaused: boolean) => this.senders[host]!.link.pause(isPaused);
    this.core = new Core(clock, this.options, arrive, pause);
    this.senders = hosts.map(
      () => new SendingHost(clock, this.options, (packet) => this.core.receive(packet)),
    );
    this.receivers = hosts.map(
      (host) =>
        new ReceivingHost(clock, this.options, {
          ask: (flow, sequence, micros, rate) => this.ask(flow, sequence, micros, rate),
          pauseCore: (isPaused) => this.core.outputs[host]!.pause(isPaused),
        }),
    );
    for (const [flow, setup] of flows.entries()) {
      this.receivers[setup.to]!.add(flow, setup);
      this.senders[setup.from]!.add(flow, setup);
    }
  }

  /** Runs on up to a time, and tells what each flow's owner took on the way. */
  measureUntil(micros: number): FlowReport[] {
    const startMicros = this.clock.nowMicros;
    const before = this.flows.map((_, flow) => this.ownedOf(flow).takenBytes);
    this.clock.runUntil(micros);
    return this.flows.map((_, flow) => {
      const { takenBytes, drops, mostBytes } = this.ownedOf(flow);
      return {
        bytesPerSecond: ((takenBytes - before[flow]!) / (micros - startMicros)) * 1e6,
        drops,
        mostBytes,
      };
    });
  }

  private ownedOf(flow: number) {
    return this.receivers[this.flows[flow]!.to]!.flow(flow);
  }

  private arrive(host: number, packet: Packet): void {
    this.receivers[host]!.receive(packet);
    const sender = this.senders[this.flows[packet.flow]!.from]!;
    this.clock.after(2 * this.options.hopMicros, () => sender.acknowledged(packet.flow, packet.bytes));
  }

  private ask(flow: number, sequence: number, pauseMicros: number, rateBytesPerSecond: number): void {
    if (chance(this.rng, this.options.frameLossRate)) {
      this.framesLost++;
      return;
    }
    const sender = this.senders[this.flows[flow]!.from]!;
    this.clock.after(2 * this.options.hopMicros, () =>
      sender.obey(flow, sequence, pauseMicros, rateBytesPerSecond),
    );
  }
}
