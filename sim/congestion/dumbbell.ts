// Flows that share one bottleneck, each under its algorithm, in virtual time from a seed: where congestion control is
// tried. Flows of the same algorithm share its control plane, as on one host.

import { SeededRng } from '../../src/base/rng.ts';
import type { Algorithm } from '../../src/congestion/algorithm.ts';
import { Clock } from '../clock.ts';
import { Agent } from './agent.ts';
import { Bottleneck, type BottleneckConditions } from './bottleneck.ts';
import { Flow, MSS_BYTES } from './flow.ts';
import { type InelasticTraffic, sendInelastic } from './inelastic.ts';
import type { Transmission } from './scoreboard.ts';

export interface DumbbellOptions extends BottleneckConditions {
  readonly seed: number;
  /** Between datapath and algorithm, each way. */
  readonly reportDelayMicros: number;
}

/** Of packets that are nobody's. */
const NO_FLOW = -1;

export interface FlowSetup {
  /** Without one the flow is left to the fallback. */
  readonly algorithm?: Algorithm;
  readonly rttMicros: number;
  readonly startMicros?: number;
  readonly segments?: number;
  readonly endpointMicros?: number;
  readonly hops?: number;
  readonly leastTimeoutMicros?: number;
}

/** What happened in a while. */
export interface Measurement {
  /** Of the bottleneck's rate. */
  readonly utilisation: number;
  readonly queueingMicros: number;
  /** Bits a second of each flow. */
  readonly rates: readonly number[];
}

export class Dumbbell {
  readonly clock = new Clock(0);
  readonly flows: Flow[] = [];
  readonly bottleneck: Bottleneck<Transmission>;
  private readonly options: DumbbellOptions;
  private readonly agents = new Map<Algorithm, Agent>();

  constructor(
    options: DumbbellOptions,
    setups: readonly FlowSetup[],
    inelastic: readonly InelasticTraffic[] = [],
  ) {
    this.options = options;
    const rng = new SeededRng(options.seed);
    this.bottleneck = new Bottleneck(this.clock, rng, options, (packet) =>
      this.flows[packet.flow]?.receive(packet),
    );
    for (const traffic of inelastic) {
      sendInelastic(this.clock, rng, MSS_BYTES, traffic, () => this.bottleneck.send(nobodys()));
    }
    for (const setup of setups) this.clock.at(setup.startMicros ?? 0, () => this.start(setup));
  }

  agent(algorithm: Algorithm): Agent {
    let agent = this.agents.get(algorithm);
    if (agent === undefined) {
      const { reportDelayMicros } = this.options;
      agent = new Agent(this.clock, reportDelayMicros, algorithm, (flow, command) =>
        this.flows[flow]!.command(command),
      );
      this.agents.set(algorithm, agent);
    }
    return agent;
  }

  runUntil(micros: number): void {
    this.clock.runUntil(micros);
  }

  /** Runs on up to a time, and tells what happened on the way. */
  measureUntil(micros: number): Measurement {
    const startMicros = this.clock.nowMicros;
    const passed = this.bottleneck.counters.passedBytes;
    const delivered = this.flows.map(({ deliveredBytes }) => deliveredBytes);
    this.bottleneck.takeMeanWaitMicros();
    this.clock.runUntil(micros);
    const perSecond = 8e6 / (micros - startMicros);
    return {
      utilisation: ((this.bottleneck.counters.passedBytes - passed) * perSecond) / this.options.bitsPerSecond,
      queueingMicros: this.bottleneck.takeMeanWaitMicros(),
      rates: this.flows.map(({ deliveredBytes }, i) => (deliveredBytes - (delivered[i] ?? 0)) * perSecond),
    };
  }

  /** What algorithms threw. */
  get agentFailures(): readonly string[] {
    return [...this.agents.values()].flatMap(({ failures }) => failures);
  }

  /** Runs on up to a time and looks at something every so often. */
  sampleUntil(micros: number, everyMicros: number, look: () => number): number[] {
    const samples: number[] = [];
    while (this.clock.nowMicros + everyMicros <= micros) {
      this.clock.runUntil(this.clock.nowMicros + everyMicros);
      samples.push(look());
    }
    return samples;
  }

  private start(setup: FlowSetup): void {
    const { algorithm, rttMicros, segments = Number.POSITIVE_INFINITY, endpointMicros = 0, hops = 5 } = setup;
    const { leastTimeoutMicros } = setup;
    const agent = algorithm === undefined ? undefined : this.agent(algorithm);
    const id = this.flows.length;
    const options = { agent, rttMicros, segments, endpointMicros, hops, leastTimeoutMicros };
    this.flows.push(new Flow(this.clock, id, options, (packet) => this.bottleneck.send(packet)));
  }
}

function nobodys(): Transmission {
  const nothing = { order: 0, sentMicros: 0, deliveredBytes: 0, deliveredMicros: 0, firstSentMicros: 0 };
  return { flow: NO_FLOW, segment: 0, bytes: MSS_BYTES, isMarked: false, state: 'flying', ...nothing };
}

/** Jain's index: 1 when all rates are the same, 1/n when one has all. */
export function fairness(rates: readonly number[]): number {
  const sum = rates.reduce((total, rate) => total + rate, 0);
  const squares = rates.reduce((total, rate) => total + rate * rate, 0);
  return (sum * sum) / (rates.length * squares);
}
