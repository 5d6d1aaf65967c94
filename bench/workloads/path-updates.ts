// Ways for the states of many destinations into the kernel's fast table, each timed from the first to be written until all
// are in force. States are random, others each time, and lie ready.
import { randomFillSync } from 'node:crypto';
import { requireProgram } from '../../lab/programs.ts';
import { libbpf } from '../../src/linux/bpf/libbpf.ts';
import { type MappedMemory, mapMemory, unmapMemory } from '../../src/linux/memory.ts';
import { FastMaps } from '../../src/reroute/fast-maps.ts';
import { KernelHalf } from '../../src/reroute/kernel-half.ts';
import { UpdateCable } from '../../src/reroute/update-cable.ts';

export const UPDATE_WAYS = ['mapWrites', 'mapBatches', 'mappedMemory', 'updatePackets'] as const;
export type UpdateWay = (typeof UPDATE_WAYS)[number];

const PORT = 4789;
const PATIENCE_MILLIS = 10_000;

export class PathUpdates {
  readonly elements: number;
  private readonly kernel: KernelHalf;
  private readonly maps: FastMaps;
  private readonly cable: UpdateCable;
  private readonly states: Uint32Array;
  private readonly element: MappedMemory;
  private readonly batch: MappedMemory;

  private constructor(kernel: KernelHalf, cable: UpdateCable, elements: number) {
    this.kernel = kernel;
    this.cable = cable;
    this.elements = elements;
    this.maps = new FastMaps(kernel, Number(process.hrtime.bigint() / 1000n));
    this.states = new Uint32Array(2 * elements);
    this.element = mapMemory(16);
    this.batch = mapMemory(16 + 12 * elements);
  }

  /** Room for so many elements of 8 bytes; it needs no device. */
  static async open(elements: number): Promise<PathUpdates> {
    const kernel = new KernelHalf({
      devices: [],
      port: PORT,
      locals: [0x7f00_0001],
      maxElements: elements,
      takesUpdates: true,
    });
    const cable = await UpdateCable.open(kernel, await requireProgram('ip')).catch((thrown) => {
      kernel.close();
      throw thrown;
    });
    return new PathUpdates(kernel, cable, elements);
  }

  /** Milliseconds for the first `count` elements. */
  async measure(way: UpdateWay, count: number): Promise<number> {
    randomFillSync(this.states);
    const began = performance.now();
    if (way === 'mapWrites') this.writeEach(count);
    else if (way === 'mapBatches') this.writeBatch(count);
    else if (way === 'mappedMemory') this.store(this.maps, count);
    else this.send(count);
    const millis = performance.now() - began;
    const { states, kernel } = this;
    const written = kernel.states.subarray(0, 2 * count);
    if (!written.every((word, i) => word === states[i])) throw new Error(`${way} wrote something else.`);
    return millis;
  }

  close(): void {
    this.cable.close();
    this.kernel.close();
    unmapMemory(this.element);
    unmapMemory(this.batch);
  }

  /** A system call each. */
  private writeEach(count: number): void {
    const { states } = this;
    const { u32, address } = this.element;
    const { update } = libbpf();
    const { statesFd } = this.kernel;
    for (let i = 0; i < count; i++) {
      u32[0] = i;
      u32[2] = states[2 * i]!;
      u32[3] = states[2 * i + 1]!;
      if (update(statesFd, address, address + 8, 0) < 0) throw new Error('The kernel took no element.');
    }
  }

  /** One for all: how many, the values, the keys. */
  private writeBatch(count: number): void {
    const { states } = this;
    const { u32, address } = this.batch;
    const keys = 4 + 2 * count;
    u32[0] = count;
    u32.set(states.subarray(0, 2 * count), 4);
    for (let i = 0; i < count; i++) u32[keys + i] = i;
    const code = libbpf().updateBatch(this.kernel.statesFd, address + 4 * keys, address + 16, address, 0);
    if (code < 0 || u32[0] !== count) throw new Error('The kernel took no batch.');
  }

  private send(count: number): void {
    const { cable } = this;
    const wanted = cable.taken + count;
    const deadline = performance.now() + PATIENCE_MILLIS;
    this.store(cable, count);
    cable.flush();
    while (cable.taken < wanted)
      if (performance.now() > deadline) throw new Error('Packets with updates were lost.');
  }

  private store(holder: Pick<FastMaps, 'store'>, count: number): void {
    const { states } = this;
    for (let i = 0; i < count; i++) holder.store(i, states[2 * i]!, states[2 * i + 1]!);
  }
}
