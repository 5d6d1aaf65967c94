// The transport as a datapath of the control plane (CCP §4.5.1): a controller for each connection that one of the plane's
// algorithms governs, and in it a flow for each slot that is used. Reports of a turn leave together (announcements.ts),
// commands are taken between turns. Which flows there are, and whose they are, is decided here; what becomes of the window
// while nobody answers is the flow's own business (../datapath.ts).

import { CC_PROGRAM } from '../../wire/bifrost-types.ts';
import type { CongestionAlgorithm } from '../controller.ts';
import type { DatapathEvent, DatapathOptions } from '../datapath.ts';
import { Announcements } from './announcements.ts';
import type { AlgorithmLink, FlowPlace, PlaneLinks } from './links.ts';
import { readFromAlgorithm } from './message-reader.ts';
import { MAX_MESSAGE_BYTES } from './message-ring.ts';
import { type ControllerOwner, PlaneController } from './plane-controller.ts';
import {
  type ConnectionState,
  type GovernedConnection,
  newCounters,
  type PlaneCounters,
  type PlaneState,
  type PlaneTrouble,
} from './plane-state.ts';
import type { SlotFlow } from './slot-flow.ts';

/** More often than this nobody can do anything with reports (CCP §4.3.2 loses a third of its throughput by them). */
export const MIN_REPORT_MICROS = 1000;
/** One large frame at once, before anything is known of the path. */
const INITIAL_CWND_PACKETS = 64;
/** A turn takes no more commands than this: packets wait. */
const COMMANDS_PER_TURN = 64;

/** A flow that its algorithm was told of. */
interface ToldFlow {
  readonly controller: PlaneController;
  readonly flow: SlotFlow;
}

export interface PlaneSurroundings {
  readonly mssBytes: number;
  /** Of one slot. */
  readonly maxCwndBytes: number;
  readonly links: PlaneLinks;
  readonly placeOf: (pair: number) => FlowPlace;
  readonly nowMicros: number;
}

export class PlaneDatapath implements ControllerOwner {
  readonly counters: PlaneCounters;
  /** The last one of each algorithm. */
  readonly troubles = new Map<string, PlaneTrouble>();
  readonly options: DatapathOptions;
  now: number;
  private readonly links: PlaneLinks;
  private readonly controllers = new Map<number, PlaneController>();
  /** Of a state, not asked for again yet. */
  private readonly restored = new Set<number>();
  private readonly flows = new Map<number, ToldFlow>();
  private readonly announcements: Announcements;
  private readonly message = new Uint8Array(MAX_MESSAGE_BYTES);
  /** A turn's commands were not all. */
  private hasMore = false;
  /** No flow runs out of patience before. */
  private dueMicros: number;

  constructor({ mssBytes, maxCwndBytes, links, placeOf, nowMicros }: PlaneSurroundings, old?: PlaneState) {
    const initialCwndBytes = Math.min(INITIAL_CWND_PACKETS * mssBytes, maxCwndBytes);
    this.options = { mssBytes, initialCwndBytes, maxCwndBytes, minReportMicros: MIN_REPORT_MICROS };
    this.links = links;
    this.now = nowMicros;
    this.counters = old?.counters ?? newCounters();
    this.announcements = new Announcements(
      {
        links,
        mssBytes,
        placeOf,
        introduced: (controller, flow) => this.introduced(controller, flow),
      },
      old,
    );
    for (const trouble of old?.troubles ?? []) this.troubles.set(trouble.algorithm, trouble);
    for (const connection of old?.connections ?? []) this.restore(connection);
    this.dueMicros = this.patience();
  }

  save(): PlaneState {
    const connections = [...this.controllers].map(([pair, { algorithm, detail, slots }]) => ({
      pair,
      algorithm,
      detail,
      slots: slots.map((flow) => flow?.save()),
    }));
    const { counters, announcements } = this;
    const troubles = [...this.troubles.values()];
    return { counters, connections, ...announcements.save(), troubles };
  }

  /** For one pair of vNICs: what is made of it governs the pair's connection. */
  algorithm(pair: number, name: string): CongestionAlgorithm {
    return { name, ccType: CC_PROGRAM, create: () => this.open(pair, name) };
  }

  of(pair: number): GovernedConnection | undefined {
    const controller = this.controllers.get(pair);
    if (controller === undefined) return undefined;
    return { slots: controller.slots.map((flow) => flow?.datapath.control), detail: controller.detail };
  }

  /** Slots in use under each algorithm. */
  flowsOf(algorithm: string): { readonly controlled: number; readonly fallback: number } {
    let [controlled, fallback] = [0, 0];
    for (const each of this.controllers.values()) {
      if (each.algorithm !== algorithm) continue;
      for (const flow of each.slots) {
        if (flow?.datapath.control === 'algorithm') controlled++;
        else if (flow !== undefined) fallback++;
      }
    }
    return { controlled, fallback };
  }

  /** Before packets: takes commands, and looks whose patience has ended. */
  run(now: number): void {
    this.now = now;
    this.hasMore = false;
    for (const link of this.links.links) this.takeCommands(now, link);
    for (const pair of this.restored) this.controllers.get(pair)?.close();
    this.restored.clear();
    if (now >= this.dueMicros) this.watch(now);
  }

  /** After packets: those who have something to read are woken. */
  flush(): void {
    this.announcements.flush(this.now);
  }

  nextTimeout(): number {
    if (this.hasMore) return this.now;
    return Math.min(this.dueMicros, this.announcements.nextTimeoutMicros);
  }

  /** There are other links. Those who lost theirs say so, and all that have one are told of their flows. */
  linksChanged(now: number): void {
    this.now = now;
    const ids = new Set(this.links.links.map(({ id }) => id));
    this.announcements.linksChanged(now, ids);
    for (const controller of this.controllers.values()) {
      this.announcements.begun(controller);
      for (const flow of controller.slots) {
        if (flow === undefined || flow.link === 0 || ids.has(flow.link)) continue;
        this.flows.delete(flow.id);
        flow.id = 0;
        flow.link = 0;
        // Where there is another link, that one takes the flow as it is.
        if (this.links.of(controller.algorithm) !== undefined) continue;
        const why = this.links.endings[controller.algorithm] ?? 'it was ended';
        flow.datapath.command(now, { kind: 'abandon', why });
      }
    }
    this.flush();
  }

  /** Another algorithm takes the connection over: its slots go on as they are until that one installs a program. */
  private rename(controller: PlaneController, algorithm: string): void {
    for (const flow of controller.slots) {
      if (flow === undefined) continue;
      this.untell(flow);
      flow.datapath.release(this.now);
      this.opened(controller, flow);
    }
    controller.algorithm = algorithm;
    controller.detail = '';
  }

  private open(pair: number, algorithm: string): PlaneController {
    const known = this.controllers.get(pair);
    this.restored.delete(pair);
    if (known !== undefined) {
      if (known.algorithm !== algorithm) this.rename(known, algorithm);
      return known;
    }
    const controller = new PlaneController(this, pair, algorithm);
    this.controllers.set(pair, controller);
    return controller;
  }

  private restore({ pair, algorithm, detail, slots }: ConnectionState): void {
    const controller = new PlaneController(this, pair, algorithm);
    controller.detail = detail;
    for (const [slot, state] of slots.entries()) {
      if (state === undefined) continue;
      const flow = controller.open(slot, this.now, state);
      if (flow.id !== 0) this.flows.set(flow.id, { controller, flow });
    }
    this.controllers.set(pair, controller);
    this.announcements.begun(controller);
    this.restored.add(pair);
  }

  /** For its controllers. */
  opened(controller: PlaneController, flow: SlotFlow): void {
    this.announcements.begun(controller);
    this.dueMicros = Math.min(this.dueMicros, flow.datapath.nextTimeoutMicros);
  }

  closed(controller: PlaneController): void {
    for (const flow of controller.slots) if (flow !== undefined) this.untell(flow);
    this.announcements.forget(controller);
    if (this.controllers.get(controller.pair) === controller) this.controllers.delete(controller.pair);
  }

  reported(
    { algorithm }: PlaneController,
    flow: SlotFlow,
    generation: number,
    serial: number,
    values: Float64Array,
  ): void {
    const { counters, announcements } = this;
    this.dueMicros = Math.min(this.dueMicros, flow.datapath.nextTimeoutMicros);
    const link = this.links.of(algorithm);
    if (link === undefined || link.id !== flow.link) return;
    if (announcements.report(this.now, link, flow.id, generation, serial, values)) counters.reports++;
    else counters.reportsRefused++;
  }

  happened(controller: PlaneController, slot: number, event: DatapathEvent): void {
    if (event.kind !== 'fallback') return;
    this.counters.fallbacks++;
    const { algorithm } = controller;
    controller.detail = `${event.reason}: ${event.detail}`;
    this.troubles.set(algorithm, { algorithm, detail: `slot ${slot}, ${controller.detail}` });
  }

  private introduced(controller: PlaneController, flow: SlotFlow): void {
    flow.datapath.release(this.now);
    this.flows.set(flow.id, { controller, flow });
    this.dueMicros = Math.min(this.dueMicros, flow.datapath.nextTimeoutMicros);
  }

  private untell(flow: SlotFlow): void {
    this.flows.delete(flow.id);
    this.announcements.over(flow);
  }

  private takeCommands(now: number, { id, fromAlgorithm }: AlgorithmLink): void {
    const { counters, message } = this;
    for (let i = 0; i < COMMANDS_PER_TURN; i++) {
      const length = fromAlgorithm.pop(message);
      if (length === 0) return;
      const said = readFromAlgorithm(message, length);
      if (said?.kind !== 'command') {
        counters.commandsBad++;
        continue;
      }
      const told = this.flows.get(said.flow);
      // Of another's flows it has nothing to say.
      if (told === undefined || told.flow.link !== id) counters.commandsLate++;
      else {
        counters.commands++;
        told.flow.datapath.command(now, said.command);
        if (told.flow.datapath.isMissed) this.introduceAgain(told);
      }
    }
    this.hasMore = true;
  }

  /** One that was only silent speaks again: it gets the flow as if it were new. */
  private introduceAgain({ controller, flow }: ToldFlow): void {
    this.untell(flow);
    this.opened(controller, flow);
  }

  private watch(now: number): void {
    for (const { slots } of this.controllers.values()) for (const flow of slots) flow?.datapath.advance(now);
    this.dueMicros = this.patience();
  }

  /** When the first flow will have waited for too long. */
  private patience(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { slots } of this.controllers.values())
      for (const flow of slots) due = Math.min(due, flow?.datapath.nextTimeoutMicros ?? due);
    return due;
  }
}
