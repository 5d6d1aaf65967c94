// Finds the routes to all peers while the agent runs, on the main thread: sends the probes that paths/routes.ts asks
// for, hands it the answers and what the transport measured, and tells the data threads which source ports their slots
// should use. An agent that may not hear ICMP, or that no router answers, says so once and keeps the ports it has.

import { SelvageError } from '../base/errors.ts';
import { type ProberEnds, RouteProber } from '../device/route-prober.ts';
import type { UnderlaySockets } from '../device/udp.ts';
import { RouteFinder, type SlotsChange } from '../paths/routes.ts';
import { formatHostAddress } from '../wire/address.ts';
import type { PeerReport } from './reports/switch-report.ts';

const PEERS_MILLIS = 2000;

/** Whose slots follow the routes: the data threads. */
interface SlotOwner {
  peers(): Promise<readonly PeerReport[]>;
  bindSlots(change: SlotsChange): Promise<void>;
}

export class RouteSearch {
  private readonly prober: RouteProber;
  private readonly finder: RouteFinder;
  private readonly owner: SlotOwner;
  private readonly ends: ProberEnds;
  private readonly say: (line: string) => void;
  private timer: NodeJS.Timeout | undefined;
  private readonly peersTimer: NodeJS.Timeout;
  private saidSilent = false;
  private stopped = false;

  private constructor(
    owner: SlotOwner,
    sockets: UnderlaySockets,
    ends: ProberEnds,
    say: (line: string) => void,
  ) {
    this.owner = owner;
    this.ends = ends;
    this.say = say;
    this.prober = new RouteProber(sockets, ends, (probe, router) => {
      this.finder.onAnswer(probe, router);
      this.wake();
    });
    this.finder = new RouteFinder(ends.peers.length, this.prober.candidates, now());
    this.peersTimer = setInterval(() => this.lookAtPeers(), PEERS_MILLIS);
    this.wake();
  }

  /** Undefined, and said, where ICMP may not be heard. */
  static start(
    owner: SlotOwner,
    sockets: UnderlaySockets,
    ends: ProberEnds,
    say: (line: string) => void,
  ): RouteSearch | undefined {
    try {
      return new RouteSearch(owner, sockets, ends, say);
    } catch (error) {
      const { message, hint = '' } = SelvageError.from(error);
      say(`Routes are not looked for, and slots keep their source ports. ${message} ${hint}`.trim());
      return undefined;
    }
  }

  hopsOf(peer: number, candidate: number): readonly string[] {
    return this.finder.hopsOf(peer, candidate);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    clearInterval(this.peersTimer);
    this.prober.close();
  }

  /** Sends what is due, and comes again when more is. */
  private wake(): void {
    const { finder, prober, owner } = this;
    clearTimeout(this.timer);
    // An answer of the thread may still come: the sockets are closed by then.
    if (this.stopped) return;
    for (let probe = finder.poll(now()); probe !== undefined; probe = finder.poll(now())) prober.send(probe);
    for (let change = finder.takeChange(); change !== undefined; change = finder.takeChange()) {
      // When the thread ends, others hear of it.
      owner.bindSlots(change).catch(() => {});
      if (finder.isSilent(change.peer)) this.saySilent(change.peer);
    }
    const due = finder.nextTimeout(now());
    if (due < Number.POSITIVE_INFINITY) this.timer = setTimeout(() => this.wake(), (due - now()) / 1000);
  }

  private lookAtPeers(): void {
    this.owner.peers().then(
      (peers) => {
        for (const [peer, { slots, rerouting }] of peers.entries())
          this.finder.onReport(now(), peer, slots, rerouting);
        this.wake();
      },
      // The thread has ended, which others hear of.
      () => {},
    );
  }

  private saySilent(peer: number): void {
    if (this.saidSilent) return;
    this.saidSilent = true;
    const vtep = formatHostAddress(this.ends.peers[peer]!);
    this.say(`No router on the way to ${vtep} says that it is there; its slots keep their source ports.`);
  }
}

function now(): number {
  return performance.now() * 1000;
}
