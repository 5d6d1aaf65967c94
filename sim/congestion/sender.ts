// A TCP sender that sends as its control plane's datapath says: window and pacing from the program, the program run for
// every acknowledgement and timeout with the signals of CCP §4.4.1, table 4.2. It has more to send than time allows,
// or a given number of segments.

import type { FlowDatapath } from '../../src/congestion/datapath.ts';
import { signals } from '../../src/congestion/language/signals.ts';
import { Alarm } from '../alarm.ts';
import type { Clock } from '../clock.ts';
import { RttEstimator } from '../guest/rtt.ts';
import { Scoreboard, type Transmission } from './scoreboard.ts';

export interface SenderOptions {
  readonly flow: number;
  readonly mssBytes: number;
  /** How many to send; Infinity for a sender that always has more. */
  readonly segments: number;
  /** What the receiver and its host take of a round trip (BIFROST appendix D). */
  readonly endpointMicros: number;
  readonly hops: number;
  /** What a timeout waits beyond a round trip at least. Absent: as long as Linux. */
  readonly leastTimeoutMicros?: number | undefined;
}

export class Sender {
  readonly scoreboard: Scoreboard;
  readonly counters = { sent: 0, retransmitted: 0, lost: 0, timeouts: 0 };
  finishedAtMicros = Number.POSITIVE_INFINITY;
  private readonly clock: Clock;
  private readonly options: SenderOptions;
  private readonly datapath: FlowDatapath;
  private readonly out: (packet: Transmission) => void;
  private readonly rtt: RttEstimator;
  private readonly rto: Alarm;
  private readonly pacer: Alarm;
  private nextSegment = 0;
  private paceMicros = 0;

  constructor(
    clock: Clock,
    options: SenderOptions,
    datapath: FlowDatapath,
    out: (packet: Transmission) => void,
  ) {
    this.clock = clock;
    this.options = options;
    this.scoreboard = new Scoreboard(options.flow);
    this.datapath = datapath;
    this.out = out;
    this.rtt = new RttEstimator(options.leastTimeoutMicros);
    this.rto = new Alarm(clock, () => this.onTimeout());
    this.pacer = new Alarm(clock, () => this.pump());
  }

  /** Sends what window and pacing allow; to be called when they may have grown. */
  pump(): void {
    const { scoreboard, datapath, clock } = this;
    while (scoreboard.inFlightBytes + this.options.mssBytes <= datapath.cwndBytes) {
      if (this.paceMicros > clock.nowMicros) {
        this.pacer.setEarlier(this.paceMicros);
        break;
      }
      const segment = this.takeSegment();
      if (segment === undefined) break;
      this.send(segment);
    }
    if (scoreboard.inFlightPackets > 0 && !this.rto.isSet) this.armTimeout();
  }

  acknowledge(transmission: Transmission, una: number): void {
    const { scoreboard, options, datapath, clock } = this;
    const now = clock.nowMicros;
    const before = scoreboard.una;
    const isNews = scoreboard.arrive(now, transmission, una);
    const rttMicros = now - transmission.sentMicros;
    this.rtt.sample(rttMicros);
    const lost = scoreboard.detectLosses();
    this.counters.lost += lost;
    const cumulative = scoreboard.una - before;
    const misordered = isNews && transmission.segment >= una ? 1 : 0;
    const marked = transmission.isMarked ? 1 : 0;
    const seen = datapath.signals;
    seen[signals['Ack.bytes_acked']] = cumulative * options.mssBytes;
    seen[signals['Ack.packets_acked']] = cumulative;
    seen[signals['Ack.bytes_misordered']] = misordered * options.mssBytes;
    seen[signals['Ack.packets_misordered']] = misordered;
    seen[signals['Ack.ecn_bytes']] = marked * options.mssBytes;
    seen[signals['Ack.ecn_packets']] = marked;
    seen[signals['Flow.was_timeout']] = 0;
    seen[signals['Flow.rtt_sample_us']] = rttMicros;
    seen[signals['Flow.fabric_delay_us']] = rttMicros - options.endpointMicros;
    seen[signals['Flow.endpoint_delay_us']] = options.endpointMicros;
    seen[signals['Flow.hops']] = options.hops;
    seen[signals['Ack.is_sample']] = 1;
    this.measureRates(transmission);
    this.invoke(lost);
    if (scoreboard.una >= options.segments) this.finish();
    else this.armTimeout();
    this.pump();
  }

  private measureRates(transmission: Transmission): void {
    const seen = this.datapath.signals;
    const delivered = this.scoreboard.deliveredBytes - transmission.deliveredBytes;
    const sendingMicros = transmission.sentMicros - transmission.firstSentMicros;
    const receivingMicros = this.clock.nowMicros - transmission.deliveredMicros;
    // A flight of one packet says nothing of the rate it was sent at.
    if (sendingMicros > 0) seen[signals['Flow.rate_outgoing']] = (delivered * 1e6) / sendingMicros;
    if (receivingMicros > 0) seen[signals['Flow.rate_incoming']] = (delivered * 1e6) / receivingMicros;
  }

  private onTimeout(): void {
    this.counters.timeouts++;
    this.rtt.backoffs++;
    const lost = this.scoreboard.loseAll();
    this.counters.lost += lost;
    const seen = this.datapath.signals;
    for (const name of ['Ack.bytes_acked', 'Ack.packets_acked', 'Ack.bytes_misordered'] as const)
      seen[signals[name]] = 0;
    for (const name of ['Ack.packets_misordered', 'Ack.ecn_bytes', 'Ack.ecn_packets'] as const)
      seen[signals[name]] = 0;
    seen[signals['Flow.was_timeout']] = 1;
    seen[signals['Ack.is_sample']] = 0;
    this.paceMicros = 0;
    this.invoke(lost);
    this.pump();
    this.armTimeout();
  }

  private invoke(lost: number): void {
    const { scoreboard, datapath, clock } = this;
    const seen = datapath.signals;
    seen[signals['Ack.now']] = clock.nowMicros;
    seen[signals['Ack.lost_pkts_sample']] = lost;
    seen[signals['Flow.bytes_in_flight']] = scoreboard.inFlightBytes;
    seen[signals['Flow.packets_in_flight']] = scoreboard.inFlightPackets;
    datapath.invoke(clock.nowMicros);
  }

  private takeSegment(): number | undefined {
    const { lost } = this.scoreboard;
    while (lost.length > 0) {
      const segment = lost.shift()!;
      if (!this.scoreboard.isMissing(segment)) continue;
      this.counters.retransmitted++;
      return segment;
    }
    return this.nextSegment < this.options.segments ? this.nextSegment++ : undefined;
  }

  private send(segment: number): void {
    const { clock, options } = this;
    this.counters.sent++;
    const rate = this.datapath.rateBytesPerSecond;
    if (rate !== Number.POSITIVE_INFINITY) {
      this.paceMicros = Math.max(this.paceMicros, clock.nowMicros) + (options.mssBytes * 1e6) / rate;
    }
    this.out(this.scoreboard.send(clock.nowMicros, segment, options.mssBytes));
  }

  private armTimeout(): void {
    this.rto.set(this.clock.nowMicros + this.rtt.rtoMicros);
  }

  private finish(): void {
    this.finishedAtMicros = this.clock.nowMicros;
    this.rto.cancel();
    this.pacer.cancel();
  }
}
