// A flow in the kernel without a socket (bpf/turn-trial.bpf.c), steered through LinuxDatapath as those with sockets are.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lab/package-root.ts';
import { CWND, RATE, SIGNAL_REGISTERS } from '../../src/congestion/language/instructions.ts';
import { mapArray } from '../../src/linux/bpf/mapped-array.ts';
import { BpfObject } from '../../src/linux/bpf/object.ts';
import { RingBuffer } from '../../src/linux/bpf/ring-buffer.ts';
import { runOnce } from '../../src/linux/bpf/test-run.testing.ts';
import { type Kernel, writeSettings } from '../../src/linux-tcp/kernel-half.ts';
import { control, NOTICES_BYTES, slot } from '../../src/linux-tcp/layout.ts';
import { Slots } from '../../src/linux-tcp/slots.ts';

/** Where the fields of `struct turn_trial` lie. */
const SIGNALS_AT = 8;
const MSS_AT = 200;
const CWND_BYTES_AT = 204;
const FLOW_AT = 216;
const FLOW_ID_AT = FLOW_AT + 36;
const FLOW_SLOT_AT = FLOW_AT + 40;
const IS_CONTROLLED_AT = FLOW_AT + 60;
const REGISTERS_AT = FLOW_AT + 88;
const TRIAL_BYTES = 4096;
const SLOTS = 2;

export class TurnTrial implements Kernel {
  readonly control: Int32Array;
  readonly slots: Slots;
  readonly notices: RingBuffer;
  readonly noticesFd: number;
  private readonly object: BpfObject;
  private readonly program: number;
  private readonly view: DataView;
  private flows = 0;

  constructor(answerTimeoutMicros: number, reportIntervalMicros: number) {
    const file = join(packageRoot(), 'bpf/built/turn-trial.bpf.o');
    this.object = new BpfObject(file, readFileSync(file));
    this.object.map('selvage_slots').setMaxEntries(SLOTS);
    writeSettings(this.object, { answerTimeoutMicros, reportIntervalMicros });
    this.object.load();
    const fd = (name: string) => this.object.map(name).fd;
    this.program = this.object.programFd('run_turn');
    this.control = new Int32Array(
      mapArray(fd('selvage_control'), 1, control.bytes).buffer,
      0,
      control.bytes / 4,
    );
    this.slots = new Slots(mapArray(fd('selvage_slots'), SLOTS, slot.bytes).buffer, SLOTS);
    this.noticesFd = fd('selvage_notices');
    this.notices = new RingBuffer(this.noticesFd, NOTICES_BYTES);
    this.view = new DataView(mapArray(fd('trials'), 1, TRIAL_BYTES).buffer);
    this.control[control.isAttended] = 1;
    this.control[control.nextGeneration] = 1;
  }

  /** A new flow in place of the one before. */
  begin(nowMicros: number, mssBytes: number, cwndBytes: number): void {
    const { view, slots } = this;
    new Uint8Array(view.buffer).fill(0);
    slots.bytes.fill(0);
    this.flows++;
    slots.words[slot.mssBytes] = mssBytes;
    slots.words[slot.cwndBytes] = cwndBytes;
    slots.words[slot.flow] = this.flows;
    view.setUint32(MSS_AT, mssBytes, true);
    view.setUint32(CWND_BYTES_AT, cwndBytes, true);
    view.setUint32(FLOW_ID_AT, this.flows, true);
    view.setUint32(FLOW_SLOT_AT, 0, true);
    this.run(nowMicros);
  }

  get flow(): number {
    return this.flows;
  }

  turn(nowMicros: number, signals: readonly number[]): void {
    for (let i = 0; i < SIGNAL_REGISTERS; i++) {
      this.view.setBigUint64(SIGNALS_AT + i * 8, BigInt(signals[i] ?? 0), true);
    }
    this.run(nowMicros);
  }

  get isControlled(): boolean {
    return this.view.getUint8(IS_CONTROLLED_AT) === 1;
  }

  get cwnd(): number {
    return this.register(CWND);
  }

  get rate(): number {
    return this.register(RATE);
  }

  register(number: number): number {
    return Number(this.view.getBigUint64(REGISTERS_AT + number * 8, true));
  }

  close(): void {
    this.object.close();
  }

  private run(nowMicros: number): void {
    this.view.setBigUint64(0, BigInt(nowMicros), true);
    if (runOnce(this.program) !== 0) throw new Error('the trial found no memory');
  }
}
