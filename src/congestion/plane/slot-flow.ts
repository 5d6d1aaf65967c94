// One flow of the transport's: a slot of a connection (CCP §4.5.1, BIFROST §D). Turns what the transport tells of it into
// the signals that programs read (CCP §4.4.1, table 4.2), and keeps what the algorithm decided. A measurement comes only
// now and then: between two, round trip and delays are the last ones.

import type { AckSample } from '../controller.ts';
import {
  type DatapathOptions,
  type DatapathOutput,
  FlowDatapath,
  type FlowDatapathState,
} from '../datapath.ts';
import { signals } from '../language/signals.ts';
import { MAX_VALUE } from '../language/values.ts';

/** Rates are measured over a round trip, and over no less: acknowledgements come in bunches. */
const LEAST_RATE_MICROS = 1000;

const IS_SAMPLE = signals['Ack.is_sample'];
const BYTES_ACKED = signals['Ack.bytes_acked'];
const PACKETS_ACKED = signals['Ack.packets_acked'];
const ECN_BYTES = signals['Ack.ecn_bytes'];
const ECN_PACKETS = signals['Ack.ecn_packets'];
const LOST = signals['Ack.lost_pkts_sample'];
const NOW = signals['Ack.now'];
const WAS_TIMEOUT = signals['Flow.was_timeout'];
const RTT = signals['Flow.rtt_sample_us'];
const RATE_OUTGOING = signals['Flow.rate_outgoing'];
const RATE_INCOMING = signals['Flow.rate_incoming'];
const BYTES_IN_FLIGHT = signals['Flow.bytes_in_flight'];
const PACKETS_IN_FLIGHT = signals['Flow.packets_in_flight'];
const FABRIC_DELAY = signals['Flow.fabric_delay_us'];
const ENDPOINT_DELAY = signals['Flow.endpoint_delay_us'];
const HOPS = signals['Flow.hops'];

export interface SlotFlowState {
  readonly datapath: FlowDatapathState;
  readonly id: number;
  readonly link: number;
  readonly lostPackets: number;
  readonly sinceMicros: number;
  readonly ackedBytes: number;
  readonly lostBytes: number;
  readonly inFlightBytes: number;
}

export class SlotFlow {
  readonly slot: number;
  readonly datapath: FlowDatapath;
  /** What it is called between datapath and algorithm; 0: the algorithm was not told of it. */
  id: number;
  /** The link by which it was told, or 0. */
  link: number;
  private readonly mssBytes: number;
  /** Since the last run. */
  private lostPackets: number;
  /** Of the time in which rates are being measured: its beginning, and what happened in it. */
  private sinceMicros: number;
  private ackedBytes: number;
  private lostBytes: number;
  /** At its beginning. */
  private inFlightBytes: number;

  constructor(
    slot: number,
    nowMicros: number,
    options: DatapathOptions,
    output: DatapathOutput,
    old?: SlotFlowState,
  ) {
    this.slot = slot;
    this.mssBytes = options.mssBytes;
    this.datapath = new FlowDatapath(nowMicros, options, output, old?.datapath);
    this.id = old?.id ?? 0;
    this.link = old?.link ?? 0;
    this.lostPackets = old?.lostPackets ?? 0;
    this.sinceMicros = old?.sinceMicros ?? nowMicros;
    this.ackedBytes = old?.ackedBytes ?? 0;
    this.lostBytes = old?.lostBytes ?? 0;
    this.inFlightBytes = old?.inFlightBytes ?? 0;
  }

  save(): SlotFlowState {
    const { id, link, lostPackets, sinceMicros, ackedBytes, lostBytes, inFlightBytes } = this;
    const rates = { sinceMicros, ackedBytes, lostBytes, inFlightBytes };
    return { datapath: this.datapath.save(), id, link, lostPackets, ...rates };
  }

  onAck(sample: AckSample): void {
    const { datapath, mssBytes } = this;
    const seen = datapath.signals;
    const { nowMicros, ackedBytes, inFlightBytes, markedPackets } = sample;
    seen[BYTES_ACKED] = ackedBytes;
    seen[PACKETS_ACKED] = Math.ceil(ackedBytes / mssBytes);
    seen[ECN_BYTES] = markedPackets * mssBytes;
    seen[ECN_PACKETS] = markedPackets;
    seen[WAS_TIMEOUT] = 0;
    seen[BYTES_IN_FLIGHT] = inFlightBytes;
    seen[PACKETS_IN_FLIGHT] = Math.ceil(inFlightBytes / mssBytes);
    const isSample = sample.rttMicros > 0;
    seen[IS_SAMPLE] = isSample ? 1 : 0;
    if (isSample) {
      seen[RTT] = sample.rttMicros;
      seen[FABRIC_DELAY] = sample.fabricMicros;
      seen[ENDPOINT_DELAY] = sample.endpointMicros;
      seen[HOPS] = sample.hops;
    }
    this.measureRates(nowMicros, ackedBytes, inFlightBytes);
    this.run(nowMicros);
  }

  /** What follows, an acknowledgement or a timeout, runs the program. */
  onLoss(lostBytes: number): void {
    this.lostPackets++;
    this.lostBytes += lostBytes;
  }

  onTimeout(nowMicros: number): void {
    const seen = this.datapath.signals;
    seen[BYTES_ACKED] = 0;
    seen[PACKETS_ACKED] = 0;
    seen[ECN_BYTES] = 0;
    seen[ECN_PACKETS] = 0;
    seen[IS_SAMPLE] = 0;
    seen[WAS_TIMEOUT] = 1;
    this.run(nowMicros);
  }

  private run(nowMicros: number): void {
    const seen = this.datapath.signals;
    seen[NOW] = nowMicros;
    seen[LOST] = this.lostPackets;
    this.lostPackets = 0;
    this.datapath.invoke(nowMicros);
  }

  /** What was sent in a while is what left: acknowledged, lost, or now in flight and not at its beginning. */
  private measureRates(nowMicros: number, ackedBytes: number, inFlightBytes: number): void {
    this.ackedBytes += ackedBytes;
    const seen = this.datapath.signals;
    const elapsed = nowMicros - this.sinceMicros;
    const rtt = seen[RTT]!;
    if (elapsed < LEAST_RATE_MICROS || (rtt < MAX_VALUE && elapsed < rtt)) return;
    const sent = this.ackedBytes + this.lostBytes + inFlightBytes - this.inFlightBytes;
    seen[RATE_INCOMING] = (this.ackedBytes * 1e6) / elapsed;
    seen[RATE_OUTGOING] = (Math.max(0, sent) * 1e6) / elapsed;
    this.sinceMicros = nowMicros;
    this.ackedBytes = 0;
    this.lostBytes = 0;
    this.inFlightBytes = inFlightBytes;
  }
}
