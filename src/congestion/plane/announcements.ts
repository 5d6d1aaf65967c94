// What a data thread says to algorithms: that it begins, which flows begin and are over, and reports. Reports that a ring
// has no room for are lost; everything else is said when it has. Who has something to read is woken once a turn.

import { formatMac } from '../../wire/address.ts';
import type { AlgorithmLink, FlowPlace, PlaneLinks } from './links.ts';
import { MessageWriter } from './message-writer.ts';
import type { PlaneController } from './plane-controller.ts';
import type { ClosingFlow, PlaneState } from './plane-state.ts';
import type { SlotFlow } from './slot-flow.ts';

const VXLAN_PORT = 4789;
/** A link that had no room is tried again after this time. */
const RETRY_MICROS = 10_000;
/** Flows that are over, of which an algorithm that takes nothing is told when it does; of more it is not. */
const MOST_CLOSING = 4096;

export interface AnnouncementOptions {
  readonly links: PlaneLinks;
  readonly mssBytes: number;
  readonly placeOf: (pair: number) => FlowPlace;
  /** An algorithm has been told of the flow, which has a number and a link from now on. */
  readonly introduced: (controller: PlaneController, flow: SlotFlow) => void;
}

export class Announcements {
  private readonly options: AnnouncementOptions;
  private readonly writer = new MessageWriter();
  private readonly rung = new Set<AlgorithmLink>();
  private closing: ClosingFlow[];
  /** Links that were told that this datapath begins. */
  private readonly known: Set<number>;
  /** Those with flows whose algorithm is still to be told of them. */
  private readonly untold = new Set<PlaneController>();
  /** There is something to be told, not before this time: links had no room. */
  private isUntold = true;
  private tellMicros = Number.NEGATIVE_INFINITY;
  private readonly full = new Set<AlgorithmLink>();

  constructor(options: AnnouncementOptions, old?: PlaneState) {
    this.options = options;
    this.closing = [...(old?.closing ?? [])];
    this.known = new Set(old?.known);
  }

  save(): Pick<PlaneState, 'closing' | 'known'> {
    return { closing: [...this.closing], known: [...this.known] };
  }

  /** When there may be room for what there was none for. */
  get nextTimeoutMicros(): number {
    return this.full.size > 0 ? this.tellMicros : Number.POSITIVE_INFINITY;
  }

  /** It has flows that its algorithm knows nothing of. */
  begun(controller: PlaneController): void {
    this.untold.add(controller);
    this.isUntold = true;
  }

  /** Its algorithm has nothing to do with the flow any more. */
  over(flow: SlotFlow): void {
    const { id, link } = flow;
    flow.id = 0;
    flow.link = 0;
    if (id === 0) return;
    if (this.closing.length < MOST_CLOSING) this.closing.push({ link, id });
    this.isUntold = true;
  }

  forget(controller: PlaneController): void {
    this.untold.delete(controller);
  }

  /** False when there is no room. */
  report(
    now: number,
    link: AlgorithmLink,
    flow: number,
    generation: number,
    serial: number,
    values: Float64Array,
  ): boolean {
    const { writer } = this;
    const length = writer.report(flow, generation, serial, now, values, values.length);
    this.rung.add(link);
    return link.toAlgorithm.push(writer.bytes, length);
  }

  /** There are other links, those with these numbers; whose flows have to be told again is said by `begun`. */
  linksChanged(now: number, ids: ReadonlySet<number>): void {
    for (const id of this.known) if (!ids.has(id)) this.known.delete(id);
    this.closing = this.closing.filter(({ link }) => ids.has(link));
    this.isUntold = true;
    this.tellMicros = now;
  }

  /** Once a turn, after packets. */
  flush(now: number): void {
    if (this.isUntold && now >= this.tellMicros) this.tell(now);
    if (this.rung.size === 0) return;
    for (const link of this.rung) link.ring();
    this.rung.clear();
  }

  /** As far as there is room. */
  private tell(now: number): void {
    const { writer } = this;
    const { links } = this.options;
    this.isUntold = false;
    this.full.clear();
    for (const link of links.links) {
      if (this.known.has(link.id)) continue;
      if (this.push(now, link, writer.ready(links.threadId))) this.known.add(link.id);
    }
    if (this.closing.length > 0) {
      const byId = new Map(links.links.map((link) => [link.id, link]));
      this.closing = this.closing.filter(({ link, id }) => {
        const told = byId.get(link);
        return told !== undefined && !this.push(now, told, writer.close(id));
      });
    }
    for (const controller of this.untold) {
      const link = links.of(controller.algorithm);
      // Another link is a change that has all of them told.
      if (link === undefined) this.untold.delete(controller);
      else if (this.full.has(link)) this.isUntold = true;
      else if (this.known.has(link.id) && this.introduceAll(now, controller, link))
        this.untold.delete(controller);
    }
  }

  /** True when there was room for all. */
  private introduceAll(now: number, controller: PlaneController, link: AlgorithmLink): boolean {
    let all = true;
    for (const flow of controller.slots)
      if (flow?.link === 0 && (this.full.has(link) || !this.introduce(now, controller, flow, link)))
        all = false;
    return all;
  }

  private introduce(now: number, controller: PlaneController, flow: SlotFlow, link: AlgorithmLink): boolean {
    const { links, mssBytes, placeOf, introduced } = this.options;
    const { vni, peer, localMac, remoteMac } = placeOf(controller.pair);
    const id = links.nextFlow();
    const info = {
      id,
      mssBytes,
      initialCwndBytes: Math.max(Math.round(flow.datapath.cwndBytes), mssBytes),
      protocol: 'bifrost',
      source: formatMac(localMac),
      sourcePort: flow.slot,
      destination: formatMac(remoteMac),
      destinationPort: VXLAN_PORT,
      overlay: { vni, peer },
    } as const;
    if (!this.push(now, link, this.writer.create(id, info, controller.algorithm, now))) return false;
    flow.id = id;
    flow.link = link.id;
    introduced(controller, flow);
    return true;
  }

  /** False when the link is full: what was to be told is told later. */
  private push(now: number, link: AlgorithmLink, length: number): boolean {
    this.rung.add(link);
    if (!this.full.has(link) && link.toAlgorithm.push(this.writer.bytes, length)) return true;
    this.full.add(link);
    this.isUntold = true;
    this.tellMicros = now + RETRY_MICROS;
    return false;
  }
}
